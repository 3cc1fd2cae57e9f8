// Who this agent is, which roots are in force, and how the certificate of a WOS is looked at.
// The files are read anew for every connection, so a renewed SVID or trust bundle needs no restart.
package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"
)

var agentID = regexp.MustCompile(`^(spiffe://[a-z0-9._-]{1,255}/margo/wfm/([A-Za-z0-9._-]+))/client/([A-Za-z0-9._-]+)$`)

type identity struct {
	svid, key, trust string
	own, wos         string
	mu               sync.Mutex
	roots            *x509.CertPool
}

func loadIdentity(svid, key, trust string) (*identity, error) {
	i := &identity{svid: svid, key: key, trust: trust}
	pair, err := tls.LoadX509KeyPair(svid, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	names, err := uriNames(leaf)
	if err != nil || len(names) != 1 {
		return nil, errors.New("the own SVID does not have exactly one URI")
	}
	if i.own = names[0]; len(i.own) > 2048 {
		return nil, errors.New("the own SPIFFE id is too long")
	}
	parts := agentID.FindStringSubmatch(i.own)
	if parts == nil || isDots(parts[2]) || isDots(parts[3]) {
		return nil, fmt.Errorf("%q is no id of an agent", i.own)
	}
	i.wos = parts[1]
	if i.rootsInForce() == nil {
		return nil, errors.New("the trust bundle has no root")
	}
	return i, nil
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

func (i *identity) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: true, // the host name means nothing; verify looks at the rest
		VerifyConnection:   i.verify,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(i.svid, i.key)
			return &pair, err
		},
	}
}

// rootsInForce takes the trust bundle as it is now; one without a root leaves the last one in force.
func (i *identity) rootsInForce() *x509.CertPool {
	i.mu.Lock()
	defer i.mu.Unlock()
	pool := x509.NewCertPool()
	if text, err := os.ReadFile(i.trust); err == nil && pool.AppendCertsFromPEM(text) {
		i.roots = pool
	}
	return i.roots
}

func (i *identity) verify(state tls.ConnectionState) error {
	leaf := state.PeerCertificates[0]
	names, err := uriNames(leaf)
	if err != nil || len(names) != 1 || names[0] != i.wos {
		return fmt.Errorf("the peer is %q, not %q", names, i.wos)
	}
	if err := checkLeaf(leaf); err != nil {
		return err
	}
	sent := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		sent.AddCert(certificate)
	}
	// Verify refuses SHA-1, and looks at the validity of the root as well.
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: i.rootsInForce(), Intermediates: sent, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if isStrong(chain[:len(chain)-1]) {
			return nil
		}
	}
	return errors.New("a key of the peer is too weak")
}

func checkLeaf(leaf *x509.Certificate) error {
	if leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0 {
		return errors.New("the leaf of the peer may sign certificates")
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("the leaf of the peer may not sign in a handshake")
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 {
		return nil
	}
	for _, usage := range leaf.ExtKeyUsage {
		if usage == x509.ExtKeyUsageServerAuth || usage == x509.ExtKeyUsageAny {
			return nil
		}
	}
	return errors.New("the leaf of the peer may not be used by a server")
}

func isStrong(certificates []*x509.Certificate) bool {
	for _, certificate := range certificates {
		if key, isRSA := certificate.PublicKey.(*rsa.PublicKey); isRSA && key.N.BitLen() < 3072 {
			return false
		}
		if key, isECDSA := certificate.PublicKey.(*ecdsa.PublicKey); isECDSA && key.Curve.Params().BitSize < 256 {
			return false
		}
	}
	return true
}

// uriNames reads the bytes of the URIs, since parsed URLs no longer show how they were written.
func uriNames(certificate *x509.Certificate) ([]string, error) {
	var names []string
	for _, extension := range certificate.Extensions {
		if extension.Id.String() != "2.5.29.17" {
			continue
		}
		var all []asn1.RawValue
		if _, err := asn1.Unmarshal(extension.Value, &all); err != nil {
			return nil, err
		}
		for _, name := range all {
			if name.Class == asn1.ClassContextSpecific && name.Tag == 6 {
				names = append(names, string(name.Bytes))
			}
		}
	}
	return names, nil
}
