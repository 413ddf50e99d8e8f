"""Sends back every message as it came, on a port of the system's choice, which it prints."""
import asyncio
import websockets


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    server = await websockets.serve(echo, "127.0.0.1", 0, max_size=None, ping_interval=None, close_timeout=20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
