#!/usr/bin/env python3
"""How many requests a second `defrost serve` answers, how long they take, what memory it needs.

    python3 bench/serve.py target/release/defrost RUN IMAGE... [--seconds 5] [--clients 1,2,4,8,16]

Starts the server for each number of clients. Each client keeps one connection and asks again as soon as it is answered. Python's
standard library alone; the clients run on the same machine and take a part of it.
"""
import argparse
import http.client
import json
import signal
import subprocess
import threading
import time


def client(address, images, until, seconds, failures):
    connection = http.client.HTTPConnection(address, timeout=60)
    turn = 0
    while time.monotonic() < until:
        started = time.monotonic()
        connection.request('POST', '/predict', images[turn % len(images)], {'Content-Type': 'image/png'})
        response = connection.getresponse()
        response.read()
        (seconds if response.status == 200 else failures).append(time.monotonic() - started)
        turn += 1


def metric(address, name):
    connection = http.client.HTTPConnection(address)
    connection.request('GET', '/metrics')
    lines = connection.getresponse().read().decode().splitlines()
    return float(next(line.rsplit(' ', 1)[1] for line in lines if line.rsplit(' ', 1)[0] == name))


def measure(command, images, clients, duration):
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    address = json.loads(server.stdout.readline())['url'].removeprefix('http://')
    client(address, images, time.monotonic() + 0.5, [], [])
    sums = [metric(address, f'defrost_batch_size_{of}') for of in ('sum', 'count')]
    seconds, failures, started = [], [], time.monotonic()
    work = (address, images, started + duration, seconds, failures)
    threads = [threading.Thread(target=client, args=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - started
    items, batches = (metric(address, f'defrost_batch_size_{of}') - before for of, before in zip(('sum', 'count'), sums))
    memory = metric(address, 'process_resident_memory_bytes')
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0, 'the server must end well'
    seconds.sort()
    at = lambda share: 1000 * seconds[min(int(share * len(seconds)), len(seconds) - 1)]
    print(f'| {clients} | {len(seconds) / took:.0f} | {at(.5):.1f} | {at(.99):.1f} | {items / batches:.1f} | {memory / 1e6:.0f} | {len(failures)} |')


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument('binary')
    words.add_argument('run')
    words.add_argument('images', nargs='+')
    words.add_argument('--seconds', type=float, default=5)
    words.add_argument('--clients', default='1,2,4,8,16')
    words = words.parse_args()
    images = [open(path, 'rb').read() for path in words.images]
    print('| clients | requests/s | p50 ms | p99 ms | in a batch | memory, MB | failed |\n|---|---|---|---|---|---|---|')
    for clients in words.clients.split(','):
        measure([words.binary, 'serve', words.run, '--port', '0', '--json'], images, int(clients), words.seconds)


if __name__ == '__main__':
    main()
