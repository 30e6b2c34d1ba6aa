"""HTTP/1.1 on a socket: connections, the requests in their bytes, limits, and the exchange of request and answer."""
