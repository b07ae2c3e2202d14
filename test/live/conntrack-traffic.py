# Makes one connection of each kind that conntrack knows, from a client to the gateway that runs this with `serve`.
import socket
import sys
import time

GATEWAY4, GATEWAY6 = '192.0.2.2', '2001:db8:1::2'


def serve():
    web = socket.create_server(('', 80), family=socket.AF_INET6, dualstack_ipv6=True)
    ftp = socket.create_server(('', 21), family=socket.AF_INET6, dualstack_ipv6=True)
    print('ready', flush=True)
    control, _ = ftp.accept()
    # The helper looks at a line only when it knows where the one before it ended.
    control.sendall(b'220 ready\r\n')
    control.recv(100)
    # The helper expects a connection to port 163 * 256 + 40.
    control.sendall(b'227 Entering Passive Mode (192,0,2,2,163,40)\r\n')
    time.sleep(60)
    web.close()


def send():
    held = []
    for host, port in ((GATEWAY4, 80), (GATEWAY4, 8080), (GATEWAY6, 80), (GATEWAY4, 21)):
        connection = socket.create_connection((host, port), 2)
        held.append(connection)
    held[3].recv(100)
    held[3].sendall(b'PASV\r\n')
    held[3].recv(100)
    held[0].close()
    for host, port in ((GATEWAY4, 5300), (GATEWAY4, 5301), (GATEWAY4, 5302), (GATEWAY6, 5300)):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        socket.socket(family, socket.SOCK_DGRAM).sendto(b'?', (host, port))
    raw = lambda protocol: socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    # GRE version 0, an SCTP INIT (checksums are not looked at here), and a protocol that conntrack has no words for.
    raw(47).sendto(b'\0\0\x08\0payload', (GATEWAY4, 0))
    init = b'\x01\0\0\x14' + b'\0\0\0\x07' + b'\0\0\x10\0' + b'\0\x01\0\x01' + b'\0\0\0\x09'
    raw(132).sendto(b'\x9c\x40\x0b\x59' + b'\0' * 8 + init, (GATEWAY4, 0))
    raw(99).sendto(b'payload', (GATEWAY4, 0))
    # Acknowledgements come late and change the seconds left.
    time.sleep(0.5)
    print('sent', flush=True)
    time.sleep(60)


serve() if sys.argv[1] == 'serve' else send()
