package hook

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// requestIDs is the namespace in which a delivery becomes a request id. It must never change: a delivery that is posted
// again tomorrow has to be the same request.
var requestIDs = uuid.MustParse("0d2f6a54-5b0e-5f0a-9c7e-6a3f5f8f2d07")

// Sender sends messages; client.Client does. Its method is called by many goroutines at once.
type Sender interface {
	SendMessage(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error)
}

// Options say what is taken from whom, and where it goes.
type Options struct {
	Sender Sender
	// Conversation is "#room" or "@user".
	Conversation string
	// Path of the URL, such as "/" or "/alerts".
	Path string
	// Secret is asked for as "Authorization: Bearer SECRET" or as one more element of the path; nil asks for none.
	Secret []byte
	// GitHubSecret signs what GitHub posts, which then needs no Secret; nil checks no signature. When it is all that is set,
	// nothing but GitHub's events is taken.
	GitHubSecret []byte
	Logger       *slog.Logger
	// Now tells the time; time.Now when nil.
	Now func() time.Time
}

// Handler is the HTTP side.
type Handler struct {
	o     Options
	under chan struct{} // deliveries under way
}

// New makes a Handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Path = "/" + strings.Trim(o.Path, "/")
	return &Handler{o: o, under: make(chan struct{}, MaxDeliveries)}
}

// delivery is what was posted: the message's text, empty when there is nothing to say, and what names the delivery, empty
// when nothing does.
type delivery struct{ text, key string }

// malformed is a body that cannot be a message, however often it is posted.
type malformed string

func (m malformed) Error() string { return string(m) }

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/livez" && r.Method == http.MethodGet {
		_, _ = fmt.Fprintln(w, "ok")
		return
	}
	bySecret, ok := h.admits(r)
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "post something", http.StatusMethodNotAllowed)
		return
	case !bySecret && (h.o.GitHubSecret == nil || r.Header.Get(headerEvent) == ""):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "the secret is missing or wrong", http.StatusUnauthorized)
		return
	}
	select {
	case h.under <- struct{}{}:
		defer func() { <-h.under }()
	default:
		h.later(w, "too many deliveries are under way")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprintf("more than %d bytes", MaxBodyBytes), http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "the body did not come", http.StatusBadRequest)
		return
	}
	if h.o.GitHubSecret != nil && r.Header.Get(headerEvent) != "" && !signed(r.Header, body, h.o.GitHubSecret) {
		http.Error(w, "the signature is missing or wrong", http.StatusUnauthorized)
		return
	}
	h.deliver(w, r, body)
}

// admits says whether a request is for this path at all, and whether it has what the secret asks for.
func (h *Handler) admits(r *http.Request) (bySecret, ok bool) {
	bySecret = h.o.Secret == nil && h.o.GitHubSecret == nil
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path == strings.TrimSuffix(h.o.Path, "/") {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return bySecret || strings.EqualFold(scheme, "bearer") && h.isSecret(token), true
	}
	last, under := strings.CutPrefix(path, strings.TrimSuffix(h.o.Path, "/")+"/")
	return true, under && h.isSecret(last)
}

func (h *Handler) isSecret(given string) bool {
	return h.o.Secret != nil && subtle.ConstantTimeCompare([]byte(given), h.o.Secret) == 1
}

func (h *Handler) deliver(w http.ResponseWriter, r *http.Request, body []byte) {
	d, err := h.read(r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if d.text == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id := client.NewRequestID()
	if d.key != "" {
		id = uuid.NewSHA1(requestIDs, []byte(h.o.Conversation+"\x00"+d.key)).String()
	}
	resp, err := h.o.Sender.SendMessage(r.Context(), &parleyv1.SendMessageRequest{
		RequestId: id, Conversation: h.o.Conversation, Text: d.text,
	})
	switch {
	case err == nil:
		_, _ = fmt.Fprintln(w, resp.GetId())
	case sentBefore(err):
		_, _ = fmt.Fprintln(w, "it is a message already")
	default:
		h.o.Logger.Warn("a delivery was not sent", "request_id", id, "err", err)
		h.later(w, "the message is not sent, or not known to be: post it again")
		return
	}
}

// sentBefore says that the delivery is a message already, of another wording: an earlier version of this program made it.
func sentBefore(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Reason == "REQUEST_ID_REUSED"
}

// read tells the three forms apart.
func (h *Handler) read(header http.Header, body []byte) (delivery, error) {
	switch {
	case header.Get(headerEvent) != "":
		return fromGitHub(header, body)
	case mediaType(header) == "application/json":
		return fromAlertmanager(body, h.o.Now())
	}
	d := delivery{text: clean(string(body))}
	if d.text == "" {
		return d, malformed("the text is empty")
	}
	if key := header.Get("Idempotency-Key"); key != "" {
		if len(key) > MaxKeyBytes {
			return d, malformed("the Idempotency-Key is too long")
		}
		d.key = "text\x00" + key
	}
	return d, nil
}

func (h *Handler) later(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter/time.Second)))
	http.Error(w, why, http.StatusServiceUnavailable)
}

func mediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}
