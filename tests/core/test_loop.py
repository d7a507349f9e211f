"""A socket that the loop took over is closed once, by the loop."""

import asyncio
import os
import socket
import ssl
import struct

import pytest
import uvloop

from core.loop import Loop

RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def server():
    """A listener whose visitors are reset at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


async def reset_visitors(listener):
    loop = asyncio.get_running_loop()
    while True:
        visitor, _ = await loop.sock_accept(listener)
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        visitor.close()


async def visit(listener, context):
    """Connect, be reset, and return the socket object that was handed over."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, listener.getsockname())
    with pytest.raises(OSError, match="reset by peer"):
        await loop.create_connection(
            asyncio.Protocol, sock=sock, ssl=context, server_hostname="exchange"
        )
    return sock


async def visits(listener, count):
    """Return the numbers that are left in the sockets of connections that failed."""
    context = ssl.create_default_context()
    server = asyncio.create_task(reset_visitors(listener))
    left = []
    for _ in range(count):
        sock = await visit(listener, context)
        await asyncio.sleep(0)
        # Detached here too: what is left must not close a stranger's descriptor.
        left.append(sock.detach())
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    return left


def run(main, factory):
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def test_a_connection_that_is_reset_in_the_making_leaves_no_number_behind(server):
    assert set(run(visits(server, 20), Loop)) == {-1}


def test_uvloop_alone_still_leaves_one_behind(server):
    """When this fails, ``core.loop`` has done its duty and can go."""
    assert set(run(visits(server, 20), uvloop.new_event_loop)) != {-1}


def test_a_wrong_call_leaves_the_socket_to_its_owner():
    async def main():
        with socket.socket() as sock:
            with pytest.raises(ValueError, match="host/port and sock"):
                await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, "127.0.0.1", 1, sock=sock
                )
            os.fstat(sock.fileno())

    run(main(), Loop)


def test_a_connection_lives_and_is_closed_once():
    async def main():
        server = await asyncio.start_server(
            lambda reader, writer: writer.close(), "127.0.0.1", 0
        )
        async with server:
            sock = socket.socket()
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, server.sockets[0].getsockname())
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
            transport.close()
            await asyncio.sleep(0.01)
            assert sock.fileno() == -1

    run(main(), Loop)
