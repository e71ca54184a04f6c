"""Twisted's side of the poetry test: get a poem, print it."""
import sys

from twisted.internet import endpoints, protocol, reactor


class Reader(protocol.Protocol):
    def dataReceived(self, data):
        sys.stdout.buffer.write(data)

    def connectionLost(self, reason):
        sys.stdout.flush()
        reactor.stop()


def failed(reason):
    print(reason, file=sys.stderr)
    reactor.stop()


endpoint = endpoints.clientFromString(reactor, sys.argv[1])
endpoints.connectProtocol(endpoint, Reader()).addErrback(failed)
reactor.callLater(30, reactor.stop)
reactor.run()
