# Fills a conntrack table: hold-connections.py tcp ADDRESS PORT COUNT   opens COUNT connections, says "ready", holds them until killed
#                          hold-connections.py serve PORT              accepts and answers a byte each, until killed
#                          hold-connections.py udp ADDRESS PORT COUNT   sends one packet from each of COUNT source ports
import socket
import sys
import time

kind = sys.argv[1]
if kind == "serve":
    listener = socket.create_server(("0.0.0.0", int(sys.argv[2])), backlog=512)
    held = []
    while True:
        connection, _ = listener.accept()
        connection.sendall(b".")
        held.append(connection)
address, port, count = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if kind == "tcp":
    held = []
    for _ in range(count):
        connection = socket.create_connection((address, port), timeout=5)
        connection.recv(1)
        held.append(connection)
    print("ready", flush=True)
    time.sleep(600)
for number in range(count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sender.sendto(b".", (address, port))
    except OSError:
        pass  # dropped by the full table: that is what it is for
    sender.close()
