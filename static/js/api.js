/* REST: JSON in, JSON out, every failure an ApiError with the server's code. */

import { t } from "./strings.js";
import { told } from "./told.js";

const BASE = "/api/v1";
const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  constructor(code, message, status, details = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

function csrfToken() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

async function failure(response) {
  let body = {};
  if ((response.headers.get("content-type") ?? "").includes("json")) body = await response.json();
  const message = body.message ?? body.detail ?? `${response.status} ${response.statusText}`;
  const details = body.details?.map((one) => ({ ...one, rule: told(one.rule), message: told(one.message) }));
  return new ApiError(body.code ?? "http_error", told(String(message)), response.status, details);
}

async function request(method, path, { signal, body, timeout = TIMEOUT_MS, headers: more = {} } = {}) {
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const limit = AbortSignal.timeout(timeout);
  const options = { method, headers, credentials: "same-origin", signal: limit };
  if (body !== undefined) options.body = JSON.stringify(body);
  if (signal) options.signal = AbortSignal.any([signal, limit]);
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    const late = error.name === "TimeoutError";
    const text = late ? t("The server did not answer in time.") : t("The server cannot be reached.");
    throw new ApiError(late ? "timeout" : "unreachable", text, 0);
  }
  if (!response.ok) throw await failure(response);
  return response.json();
}

export const get = (path, options) => request("GET", path, options);
export const post = (path, options) => request("POST", path, options);
export const patch = (path, options) => request("PATCH", path, options);
export const remove = (path, options) => request("DELETE", path, options);
export const query = (path, values) => `${path}?${new URLSearchParams(values)}`;
