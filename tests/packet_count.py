"""Counts the TCP packets that leave this network namespace's address SOURCE for one of PORTS, until SIGTERM; then prints how many.

    packet_count.py SOURCE PORT...
"""

import select
import signal
import socket
import struct
import sys

_ETH_P_ALL, _IPV4, _TCP = 3, 0x0800, 6


def is_counted(frame, source, ports):
    """Whether FRAME, as it is on the wire of Ethernet, is one."""
    if len(frame) < 54 or struct.unpack_from("!H", frame, 12)[0] != _IPV4 or frame[23] != _TCP or frame[26:30] != source:
        return False
    header = (frame[14] & 15) * 4
    return struct.unpack_from("!H", frame, 14 + header + 2)[0] in ports


def main():
    source, ports = socket.inet_aton(sys.argv[1]), {int(port) for port in sys.argv[2:]}
    count = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

        wake, woken = socket.socketpair()
        signal.signal(signal.SIGTERM, lambda *_: wake.send(b"."))
        print("counting", flush=True)
        while True:
            ready, _, _ = select.select([wire, woken], [], [])
            if wire in ready:
                count += is_counted(wire.recv(65535), source, ports)
            else:  # what has arrived before counts
                break
    print(count, flush=True)


if __name__ == "__main__":
    main()
