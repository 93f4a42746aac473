# A server as the documentation of sd_listen_fds(3) has one, by the sockets module alone: each connection has one request,
# which is answered with our pid. SIGTERM: no new connections, the answers that are under way, and the end.
import os
import select
import signal
import socket
import sys
import threading

if os.environ.get("LISTEN_PID") != str(os.getpid()):
    sys.exit("LISTEN_PID is %r, and we are %d" % (os.environ.get("LISTEN_PID"), os.getpid()))
if os.environ["LISTEN_FDS"] != "1":
    sys.exit("LISTEN_FDS is " + os.environ["LISTEN_FDS"])
listener = socket.socket(fileno=3)
listener.setblocking(False)  # as it comes; Python has to know
waker, woken = socket.socketpair()


def answer(connection):
    with connection:
        connection.settimeout(30)
        request = b""
        while b"\r\n\r\n" not in request:
            some = connection.recv(4096)
            if not some:
                return
            request += some
        body = b"%d\n" % os.getpid()
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


# The handler itself would run too late for a signal that comes just ahead of select.
waker.setblocking(False)
signal.set_wakeup_fd(waker.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
threads = []
while True:
    readable, _, _ = select.select([listener, woken], [], [])
    if woken in readable:
        break
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        continue  # another worker was quicker
    connection.setblocking(True)
    thread = threading.Thread(target=answer, args=(connection,))
    thread.start()
    threads = [t for t in threads if t.is_alive()] + [thread]
for thread in threads:
    thread.join()
