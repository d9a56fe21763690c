package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// importPHC has the form of another system's hash; nobody's password gives its tag.
func importPHC(m, t uint32, p uint8, salt, tag int) string {
	return encodePHC(m, t, p, []byte(strings.Repeat("s", salt)), []byte(strings.Repeat("t", tag)))
}

func (r *rig) importAccounts(t *testing.T, id string, accounts ...*parleyv1.ImportAccount) (*parleyv1.ImportAccountsResponse, error) {
	t.Helper()
	return parleyv1.NewClusterServiceClient(r.socket).ImportAccounts(bounded(t),
		&parleyv1.ImportAccountsRequest{RequestId: id, Accounts: accounts})
}

// TestImportedAccountsLogInWithTheirOwnPasswords: the hash of the old system is what the password is checked against.
func TestImportedAccountsLogInWithTheirOwnPasswords(t *testing.T) {
	r := newRig(t)
	r.user(t, "taken")
	phc, err := r.server.guard.hash(t.Context(), testPassword)
	must(t, err)
	id := rid().s
	accounts := []*parleyv1.ImportAccount{
		{Username: "Ann", DisplayName: "Ann A.", PasswordHash: phc},
		{Username: "taken", PasswordHash: phc},
		{Username: "ben", PasswordHash: importPHC(65536, 4, 1, 16, 32)},
	}
	for _, again := range []string{"first", "retry"} { // a retry gets the first answer
		resp, err := r.importAccounts(t, id, accounts...)
		must(t, err)
		if resp.GetImported() != 2 || !slices.Equal(resp.GetExisting(), []string{"taken"}) {
			t.Fatalf("%s: want 2 imported and taken existing, got %v", again, resp)
		}
	}
	login, err := r.chat.Login(t.Context(), &parleyv1.LoginRequest{
		RequestId: rid().s, Username: "ann", Password: testPassword, Token: randomToken()})
	must(t, err)
	if login.GetUser().GetDisplayName() != "Ann A." {
		t.Fatalf("want the display name of the import, got %v", login.GetUser())
	}
	again, err := r.importAccounts(t, rid().s, accounts[0])
	must(t, err)
	if again.GetImported() != 0 || !slices.Equal(again.GetExisting(), []string{"ann"}) {
		t.Fatalf("another request must find the name taken, got %v", again)
	}
}

// TestImportRefusesAsAWhole: one malformed field, and nothing is proposed.
func TestImportRefusesAsAWhole(t *testing.T) {
	r := newRig(t)
	good := importPHC(19456, 2, 1, 16, 32)
	one := func(name, phc string) []*parleyv1.ImportAccount {
		return []*parleyv1.ImportAccount{{Username: "fine", PasswordHash: good}, {Username: name, PasswordHash: phc}}
	}
	var many []*parleyv1.ImportAccount
	for i := range maxImport + 1 {
		many = append(many, &parleyv1.ImportAccount{Username: fmt.Sprintf("m%d", i), PasswordHash: good})
	}
	for what, accounts := range map[string][]*parleyv1.ImportAccount{
		"none":             nil,
		"too many":         many,
		"a name twice":     one("FINE", good),
		"a bad name":       one("no name", good),
		"a display name":   {{Username: "x", DisplayName: "a\x1bb", PasswordHash: good}},
		"no hash":          one("x", ""),
		"a plain password": one("x", "correct horse"),
		"bcrypt":           one("x", "$2b$12$abcdefghijklmnopqrstuv"),
		"argon2i":          one("x", strings.Replace(good, "argon2id", "argon2i", 1)),
		"little memory":    one("x", importPHC(9216, 4, 1, 16, 32)),
		"one cheap pass":   one("x", importPHC(19456, 1, 1, 16, 32)),
		"much memory":      one("x", importPHC(maxArgonMemoryKiB+1, 2, 1, 16, 32)),
		"a dear one":       one("x", importPHC(maxArgonMemoryKiB, 3, 1, 16, 32)),
		"a short salt":     one("x", importPHC(19456, 2, 1, 8, 32)),
		"a long hash":      one("x", good+strings.Repeat("A", maxImportPHCBytes)),
	} {
		before := r.proposed()
		_, err := r.importAccounts(t, rid().s, accounts...)
		t.Log(what)
		wantError(t, err, codes.InvalidArgument, reasonInvalidField)
		if n := r.proposed() - before; n != 0 {
			t.Fatalf("%s: %d commands were proposed", what, n)
		}
	}
	for what, phc := range map[string]string{
		"one pass of much memory": importPHC(47104, 1, 1, 16, 32), "a tag of 16 bytes": importPHC(102400, 2, 8, 16, 16),
		"the dearest": importPHC(maxImportWork/4, 4, maxArgonThreads, 64, 64),
	} {
		if _, err := r.importAccounts(t, rid().s, &parleyv1.ImportAccount{Username: rid().s[:13] + "x", PasswordHash: phc}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestImportThatFailedInPartIsUnknown: some accounts stand, so "nothing was applied" would be untrue.
func TestImportThatFailedInPartIsUnknown(t *testing.T) {
	lost := fromPropose(t.Context(), &node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader})
	unsure := fromPropose(t.Context(), &node.Error{Outcome: node.Unknown, Cause: node.CauseLeaderLost})
	taken := fromRefusal(&internalv1.Refusal{Reason: internalv1.Reason_REASON_USER_EXISTS})
	commands := make([]*internalv1.Command, 3)
	for _, tc := range []struct {
		name        string
		errs        []error
		code        codes.Code
		wantUnknown bool
	}{
		{"all well", []error{nil, nil, taken}, codes.OK, false},
		{"none applied", []error{lost, lost, taken}, codes.Unavailable, false},
		{"some applied", []error{nil, lost, lost}, codes.Unavailable, true},
		{"one unsure", []error{lost, unsure, lost}, codes.Unavailable, true},
		{"a stranger's error", []error{nil, nil, fmt.Errorf("x")}, codes.Internal, true},
	} {
		_, err := imported(commands, tc.errs)
		if err == nil {
			if tc.code != codes.OK {
				t.Errorf("%s: no error", tc.name)
			}
			continue
		}
		var f *failure
		if !errors.As(err, &f) || f.code != tc.code || f.unknown != tc.wantUnknown {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
	if lost.unknown {
		t.Error("the failure of one command was changed")
	}
}
