"""Twisted's side of the poetry test: send a poem to whoever connects, and close."""
import sys

from twisted.internet import endpoints, protocol, reactor


class Poet(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(self.factory.poem)
        self.transport.loseConnection()


def listening(port):
    print("listening on", port.getHost().port, flush=True)


factory = protocol.Factory.forProtocol(Poet)
with open(sys.argv[1], "rb") as file:
    factory.poem = file.read()
endpoint = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
endpoint.listen(factory).addCallback(listening)
reactor.callLater(60, reactor.stop)
reactor.run()
