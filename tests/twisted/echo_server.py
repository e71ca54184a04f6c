"""Twisted's side of the echo test: echo everything, also to a peer that has finished sending."""
import sys

from twisted.internet import endpoints, interfaces, protocol, reactor
from zope.interface import implementer


@implementer(interfaces.IHalfCloseableProtocol)
class Echo(protocol.Protocol):
    def connectionMade(self):
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data):
        self.transport.write(data)

    def readConnectionLost(self):
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def writeConnectionLost(self):
        pass


def listening(port):
    print("listening on", port.getHost().port, flush=True)


endpoint = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
endpoint.listen(protocol.Factory.forProtocol(Echo)).addCallback(listening)
reactor.callLater(60, reactor.stop)
reactor.run()
