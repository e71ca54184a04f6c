"""Twisted's side of the echo test: send a file, half-close, print what comes back."""
import sys

from twisted.internet import endpoints, protocol, reactor


class Client(protocol.Protocol):
    def __init__(self, data):
        self.data = data

    def connectionMade(self):
        self.transport.write(self.data)
        self.transport.loseWriteConnection()

    def dataReceived(self, data):
        sys.stdout.buffer.write(data)

    def connectionLost(self, reason):
        sys.stdout.flush()
        reactor.stop()


def failed(reason):
    print(reason, file=sys.stderr)
    reactor.stop()


with open(sys.argv[2], "rb") as file:
    content = file.read()
endpoint = endpoints.clientFromString(reactor, sys.argv[1])
endpoints.connectProtocol(endpoint, Client(content)).addErrback(failed)
reactor.callLater(30, reactor.stop)
reactor.run()
