// Package pki makes and loads the certificates of a Parley cluster.
//
// One CA signs everything. It lives in a directory as ca.crt and ca.key; beside it stand NAME.crt and NAME.key for
// each node and client. A node needs ca.crt and its own pair; a user's client needs ca.crt alone; ca.key belongs on
// none of them.
//
//	parley certs ca        -> NewCA        ca.crt ca.key
//	parley certs node n1   -> IssueNode    n1.crt n1.key   URI SAN parley://node/n1, server and client auth
//	parley certs client c  -> IssueClient  c.crt c.key     URI SAN parley://client/c, client auth only
//
//	client port: ServerConfig (or MutualServerConfig)  <- ClientConfig (or ClientCertConfig)
//	peer port:   PeerConfigs, both directions; the identity is the URI SAN, never the host name
//
// Invariants:
//
//  1. TLS 1.3 only, on every configuration made here.
//  2. A peer connection stands only between two certificates of this CA that both carry a parley://node/ URI. A client
//     certificate is never a node, and never a server.
//  3. A private key is never readable by anyone but its owner; all files are written 0600, whole, then renamed.
//  4. Renewed files are picked up by the next handshakes, without a restart. Files that do not load are reported and
//     the last good ones stay in use.
package pki
