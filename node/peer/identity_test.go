package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/internalv1"
)

// other is node 1's identity with a change.
func other(change func(id *internalv1.Identity)) *internalv1.Identity {
	id := identity(1)
	change(id)
	return id
}

// Every way in which a caller can be the wrong one is refused, by name, on a stream and on a hello alike.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		then *internalv1.Identity // says hello after identity(1) did
		to   uint64
		want Reason // "" means accepted
	}{
		{"same process", identity(1), 2, ""},
		{"later start", other(func(id *internalv1.Identity) { id.Boot, id.BootNonce = 11, []byte{11} }), 2, ""},
		{"target not said", identity(1), 0, ""},
		{"wrong target", identity(1), 3, ReasonWrongNode},
		{"acceptor's own id", other(func(id *internalv1.Identity) { id.Id = 2 }), 2, ReasonWrongNode},
		{"no id", other(func(id *internalv1.Identity) { id.Id = 0 }), 2, ReasonWrongNode},
		{"no hello", nil, 2, ReasonWrongNode},
		{"other cluster", other(func(id *internalv1.Identity) { id.ClusterId = []byte("b") }), 2, ReasonOtherCluster},
		{"wiped directory", other(func(id *internalv1.Identity) {
			id.Incarnation, id.Boot = []byte{9}, 99
		}), 2, ReasonOtherIncarnation},
		{"copied-back directory", other(func(id *internalv1.Identity) {
			id.Boot, id.BootNonce = 9, []byte{7}
		}), 2, ReasonStaleBoot},
		{"directory used twice", other(func(id *internalv1.Identity) { id.BootNonce = []byte{8} }), 2, ReasonStaleBoot},
		{"speaks more of the protocol", other(func(id *internalv1.Identity) { id.Protocol, id.OldestProtocol = 9, 1 }), 2, ""},
		{"speaks only a later protocol", other(func(id *internalv1.Identity) {
			id.Protocol, id.OldestProtocol = protocol+2, protocol+1
		}), 2, ReasonProtocol},
		{"node's records: removed", other(func(id *internalv1.Identity) { id.Name = "removed" }), 2, ReasonRemoved},
		{"node's records: other", other(func(id *internalv1.Identity) { id.Name = "odd" }), 2, ReasonOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			two := newNode()
			two.check = func(id *internalv1.Identity) error {
				switch id.Name {
				case "removed":
					return &Refusal{Reason: ReasonRemoved, Text: "was removed"}
				case "odd":
					return errors.New("an odd name")
				}
				return nil
			}
			two.start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
			greeted(t, two, two.addr, identity(1))

			_, err := rawRaft(t, two, two.addr, c.then, c.to).Recv()
			req := &internalv1.HelloRequest{From: c.then, To: c.to}
			resp, herr := (&service{t: two.t}).Hello(context.Background(), req)
			if herr != nil || resp.GetIdentity().GetId() != 2 || resp.GetIdentity().GetUnixMs() == 0 {
				t.Errorf("the hello was answered with %v, %v; it must tell who answers, whatever it says", resp, herr)
			}
			if c.want == "" {
				if err != nil || resp.GetRefused() != "" {
					t.Errorf("refused: stream %v, hello %q", err, resp.GetRefused())
				}
				return
			}
			if r := refusalOf(err); r == nil || r.Reason != c.want || r.Text == "" {
				t.Errorf("the stream ended with %v, expected %s", err, c.want)
			}
			if r := RefusalIn(resp); r == nil || r.Reason != c.want || r.Text == "" {
				t.Errorf("the hello said %q, expected %s", resp.GetRefused(), c.want)
			}
			if seen := two.t.Seen(1); seen.Boot != 10 || seen.Name != identity(1).Name {
				t.Errorf("a refused identity was remembered: %v", seen)
			}
		})
	}
}

// A node that is refused is told why, and its messages go nowhere.
func TestRefusedNodeIsTold(t *testing.T) {
	two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	greeted(t, two, two.addr, identity(1))
	copied := other(func(id *internalv1.Identity) { id.Boot, id.BootNonce = 4, []byte{4} })
	one := newNode().start(t, copied, nil, map[uint64]string{2: two.addr})
	r := wait(t, "the refusal", one.refused)
	if r.Reason != ReasonStaleBoot || !r.Fatal() {
		t.Errorf("refused with %v (fatal %v), expected a fatal %s", r, r.Fatal(), ReasonStaleBoot)
	}
	if one.t.Reachable(2) || len(one.ups) > 0 {
		t.Error("the link came up all the same")
	}
	if r := wait(t, "an answer", handTo(one.t, 2, "x")); r.answer.Outcome != NotApplied || r.err == nil {
		t.Errorf("a command was answered %v, %v; expected not applied", r.answer, r.err)
	}
}

// A node of another cluster at a peer's address is kept out on both sides, and ends nobody.
func TestForeignClusterIsNotFatal(t *testing.T) {
	foreign := other(func(id *internalv1.Identity) { id.Id, id.Name, id.ClusterId = 2, "n2", []byte("another cluster!") })
	two := newNode().start(t, foreign, listen(t, "127.0.0.1:0"), nil)
	one := newNode().start(t, identity(1), nil, map[uint64]string{2: two.addr})
	if r := wait(t, "the refusal", one.refused); r.Reason != ReasonOtherCluster || r.Fatal() {
		t.Errorf("refused with %v (fatal %v), expected %s, which is not fatal", r, r.Fatal(), ReasonOtherCluster)
	}
	if one.t.Reachable(2) || len(one.ups)+len(two.ups) > 0 {
		t.Error("the link came up all the same")
	}
}

// The dialling side checks too: an acceptor that is a copied-back directory, or another node, gets nothing.
func TestDiallerRefusesAcceptor(t *testing.T) {
	lis := listen(t, "127.0.0.1:0")
	addr := lis.Addr().String()
	two := newNode().start(t, identity(2), lis, nil)
	one := newNode().start(t, identity(1), nil, map[uint64]string{2: addr})
	wait(t, "the link", one.ups)
	two.stop()
	back := identity(2)
	back.Boot, back.BootNonce = 3, []byte{3}
	newNode().start(t, back, listen(t, addr), nil)
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	resp, err := one.t.HelloAddr(ctx, addr)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonStaleBoot || resp.GetIdentity().GetBoot() != 3 {
		t.Errorf("hello: %v, %v; expected the identity and %s", resp, err, ReasonStaleBoot)
	}

	four := newNode().start(t, identity(4), nil, map[uint64]string{3: addr})
	_, err = four.t.Hello(ctx, 3)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonWrongNode || four.t.Seen(2) != nil {
		t.Errorf("node 2 was taken for node 3: %v, expected %s", err, ReasonWrongNode)
	}
	if r := wait(t, "the refusal by node 2", four.refused); r.Reason != ReasonWrongNode || r.Fatal() {
		t.Errorf("refused with %v (fatal %v), expected %s, which is not fatal", r, r.Fatal(), ReasonWrongNode)
	}
	if len(one.ups)+len(four.ups) > 0 {
		t.Error("a link came up")
	}
}

// The questions reach the peer, carry identities and keep the codes of errors.
func TestQuestions(t *testing.T) {
	one, two := newNode(), newNode()
	pair(t, one, two)
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	if s, err := one.t.PeerStatus(ctx, 2); err != nil || s.Applied != 200 || s.Identity.GetId() != 2 {
		t.Errorf("status: %v, %v", s, err)
	}
	if h, applied, err := one.t.PeerHash(ctx, 2, 42); err != nil || string(h) != "\x02\x2a" || applied != 43 {
		t.Errorf("hash: %x at %d, %v", h, applied, err)
	}
	if _, _, err := one.t.PeerHash(ctx, 2, 13); status.Code(err) != codes.Aborted {
		t.Errorf("hash without a mark: %v, expected Aborted", err)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, _, err := one.t.PeerHash(short, 2, 2000); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("hash of the future: %v, expected DeadlineExceeded", err)
	}
	if _, err := one.t.PeerStatus(ctx, 9); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("status of nobody: %v", err)
	}
	if resp, err := one.t.Hello(ctx, 2); err != nil || resp.Refused != "" {
		t.Errorf("hello: %v, %v", resp, err)
	}
	if off, ok := one.t.ClockOffset(2); !ok || off.Abs() > time.Second {
		t.Errorf("the clocks of one machine differ by %v (%v)", off, ok)
	}
	if rt := one.t.Stats()[2].RoundTrip; rt <= 0 {
		t.Errorf("round trip %v", rt)
	}
}

// The clock comparison believes the sample with the shortest round trip, and forgets old ones.
func TestClockOffset(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	v := &vitals{began: now}
	if _, ok := v.clockOffset(); ok {
		t.Error("an offset without a sample")
	}
	sample := func(ahead, rt time.Duration) { v.sample(now, rt, now.Add(ahead+rt/2).UnixMilli()) }
	sample(3*time.Second, 2*time.Millisecond)
	sample(9*time.Second, 400*time.Millisecond)
	if got, ok := v.clockOffset(); !ok || got != 3*time.Second {
		t.Errorf("offset %v, expected 3 s from the quicker sample", got)
	}
	for range clockSamples {
		sample(-time.Second, 20*time.Millisecond)
	}
	if got, _ := v.clockOffset(); got != -time.Second {
		t.Errorf("offset %v, expected -1 s after the old samples left the window", got)
	}
}

// authority issues node certificates as `parley certs` does: the name is in a URI.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	a.cert, _ = x509.ParseCertificate(der)
	a.pool.AddCert(a.cert)
	return a
}

// tls gives a node the certificate of the node that is called name.
func (a *authority) tls(t *testing.T, name string) func(*Options, *patience) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		URIs:        []*url.URL{{Scheme: "parley", Host: "node", Path: "/" + name}},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	certs := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	return func(o *Options, _ *patience) {
		o.Server = &tls.Config{
			Certificates: certs, MinVersion: tls.VersionTLS13,
			ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		}
		o.Client = &tls.Config{Certificates: certs, RootCAs: a.pool, MinVersion: tls.VersionTLS13}
	}
}

// With TLS, the certificate's node name must be the name in the hello, on both sides; without a certificate nothing
// works.
func TestCertificateNames(t *testing.T) {
	a := newAuthority(t)
	name := func(id uint64) string { return identity(id).Name }

	t.Run("right", func(t *testing.T) {
		two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil, a.tls(t, name(2)))
		one := newNode().start(t, identity(1), nil, map[uint64]string{2: two.addr}, a.tls(t, name(1)))
		wait(t, "the link", one.ups)
		one.t.Send(message(1, 2, 1))
		two.await(t, "a message", func(e []any) bool { return len(e) == 1 && e[0].(*raftpb.Message).GetIndex() == 1 })
		if one.t.Gone(context.Background(), 2, 10) {
			t.Error("a living peer is gone")
		}
		if !one.t.Gone(context.Background(), 2, 9) {
			t.Error("an earlier start is not gone")
		}
	})
	t.Run("caller has another node's", func(t *testing.T) {
		two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil, a.tls(t, name(2)))
		one := newNode().start(t, identity(1), nil, map[uint64]string{2: two.addr}, a.tls(t, name(3)))
		if r := wait(t, "the refusal", one.refused); r.Reason != ReasonCertificate || r.Fatal() {
			t.Errorf("refused with %v, expected %s", r, ReasonCertificate)
		}
		if two.t.Seen(1) != nil {
			t.Error("the identity was remembered")
		}
	})
	t.Run("acceptor has another node's", func(t *testing.T) {
		two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil, a.tls(t, name(3)))
		one := newNode().start(t, identity(1), nil, map[uint64]string{2: two.addr}, a.tls(t, name(1)))
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
		defer cancel()
		_, err := one.t.Hello(ctx, 2)
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonCertificate {
			t.Errorf("hello: %v, expected %s", err, ReasonCertificate)
		}
		if _, err := one.t.PeerStatus(ctx, 2); err == nil {
			t.Error("a status was taken")
		}
		if one.t.Reachable(2) || len(one.ups) > 0 {
			t.Error("the link came up")
		}
	})
	for _, who := range []string{"plaintext", "another authority"} {
		t.Run("caller has "+who, func(t *testing.T) {
			two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil, a.tls(t, name(2)))
			opts := []func(*Options, *patience){}
			if who != "plaintext" {
				opts = append(opts, newAuthority(t).tls(t, name(1)))
			}
			one := newNode().start(t, identity(1), nil, nil, opts...)
			ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
			defer cancel()
			if resp, err := one.t.HelloAddr(ctx, two.addr); err == nil {
				t.Errorf("answered: %v", resp)
			}
			if two.t.Seen(1) != nil {
				t.Error("the identity was remembered")
			}
		})
	}
}
