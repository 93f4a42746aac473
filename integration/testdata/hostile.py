# A worker with Node's channel that does what no Node does, by its slot, for ever.
import array
import os
import socket
import sys

channel = socket.socket(fileno=int(os.environ["NODE_CHANNEL_FD"]))
channel.setblocking(True)
how = sys.argv[1]
print("begins", flush=True)
if how == "line":  # that never ends
    while True:
        channel.sendall(b"x" * 65536)
if how == "lines":
    while True:
        channel.sendall(b"1\n" * 32768)
if how == "answers":  # asks, and reads nothing
    n = 0
    while True:
        n += 1
        channel.sendall(b'{"cmd":"NODE_CLUSTER","act":"queryServer","index":%d,"data":null,"address":"127.0.0.1","port":0,"addressType":4,"seq":%d}\n' % (n, n))
if how == "handles":  # sockets that linger, as many at a time as the kernel takes
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\377\0\0\0")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()] * 250))]
    while True:
        channel.sendmsg([b'{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{}}\n'], rights)
        channel.setblocking(False)
        try:
            channel.recv(65536)  # what is acknowledged
        except BlockingIOError:
            pass
        channel.setblocking(True)
if how == "silent":  # listens, and never says that it has a connection
    channel.sendall(b'{"cmd":"NODE_CLUSTER","act":"online","seq":0}\n'
                    b'{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"127.0.0.1","port":%d,"addressType":4,"seq":1}\n'
                    b'{"cmd":"NODE_CLUSTER","act":"listening","seq":2}\n' % int(sys.argv[2]))
    while channel.recv(65536):
        pass
