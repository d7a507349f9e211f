/* Dates on charts in the reader's language; Plotly itself brings English alone. */

const CHINESE = "zh-CN";
const chinese = document.documentElement.lang.toLowerCase().startsWith("zh");
let known = false;

const counted = (count, unit) => Array.from({ length: count }, (_, index) => `${index + 1}${unit}`);

function learn() {
  const days = ["日", "一", "二", "三", "四", "五", "六"];
  const months = counted(12, "月");
  Plotly.register({
    moduleType: "locale", name: CHINESE, dictionary: {},
    format: {
      days: days.map((day) => `星期${day}`), shortDays: days, months, shortMonths: months,
      date: "%Y-%m-%d", year: "%Y年", month: "%Y年%b", dayMonth: "%b%-d日", dayMonthYear: "%Y年%b%-d日",
    },
  });
  known = true;
}

/** The options of a chart with the page's language. */
export function localised(config) {
  if (!chinese) return config;
  if (!known) learn();
  return { ...config, locale: CHINESE };
}
