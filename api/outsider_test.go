package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// TestOutsidersLearnNothing calls every method that is served, as everybody who has no part in a private room or in a direct
// conversation of two others. It guards two promises: nothing of what is kept or said there is in any answer, stream, error or
// count; and what is there is answered exactly as what is not. A method without a case fails it.
func TestOutsidersLearnNothing(t *testing.T) {
	h := newHouse(t)
	methods := h.methods(t)
	for path := range outsiderCases {
		if methods[path] == nil {
			t.Errorf("%s has cases and is not served", path)
		}
	}
	var last []func()
	for _, path := range sortedKeys(methods) {
		probes := outsiderCases[path]
		if len(probes) == 0 {
			t.Errorf("%s has no case: say in outsiderCases how somebody who may not know of a room would ask it", path)
		}
		for i, p := range probes {
			run := func() {
				t.Run(fmt.Sprintf("%s/%d", methods[path].Name(), i), func(t *testing.T) { h.probe(t, path, methods[path], p) })
			}
			if p.last {
				last = append(last, run)
			} else {
				run()
			}
		}
	}
	for _, run := range last {
		run()
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// methods are those of all services that the server serves, by path.
func (h *house) methods(t *testing.T) map[string]protoreflect.MethodDescriptor {
	t.Helper()
	of := map[string]protoreflect.MethodDescriptor{}
	for service := range h.grpc.GetServiceInfo() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
		must(t, err)
		methods := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			of["/"+service+"/"+string(methods.Get(i).Name())] = methods.Get(i)
		}
	}
	return of
}

// probe asks as every outsider: about what is there, and about what stands in for it and is not.
func (h *house) probe(t *testing.T, path string, md protoreflect.MethodDescriptor, p probe) {
	if p.tells {
		a := h.call(h.owner.ctx, t, md, path, p.ask(h, h.owner, h.real[0]))
		if len(h.found(a, p.ask(h, h.owner, h.real[0]), nil)) == 0 {
			t.Errorf("a member is told nothing by this: the case cannot fail\n%s", a.text())
		}
	}
	for _, o := range h.outsiders {
		if p.only != "" && p.only != o.name || p.never != "" && p.never == o.name {
			continue
		}
		for i, about := range h.real {
			req := p.ask(h, o.user, about)
			if i > 0 && proto.Equal(unsigned(req), unsigned(p.ask(h, o.user, h.real[0]))) {
				break // it is about no message
			}
			ctx := o.ctx
			if p.session && o.name != "bot" {
				ctx = h.session(t, o.user.name).ctx
			}
			got := h.call(ctx, t, md, path, req)
			if o.name == "bot" && rules[path] == session && !scoped[path] {
				wantError(t, got.err, codes.PermissionDenied, reasonName(internalv1.Reason_REASON_TOKEN_SCOPE))
			}
			if leaked := h.found(got, req, slices.Concat(o.knows, p.knows)); len(leaked) > 0 {
				t.Errorf("%s reads %q in the answer to\n%s\n%s", o.name, leaked, prototext.Format(req), got.text())
			}
			if p.once {
				break
			}
			if o.name == "guest" { // who sees that the room is there
				continue
			}
			ghost := h.ghosts[i]
			if p.instead != nil {
				ghost = p.instead(h, ghost)
			}
			other := h.call(o.ctx, t, md, path, p.ask(h, o.user, ghost))
			if a, b := got.plain(about), other.plain(ghost); !bytes.Equal(a, b) {
				t.Errorf("%s can tell by\n%s\nwhat is there from what is not: there\n%s\nnot there\n%s", o.name, prototext.Format(req),
					got.text(), other.text())
			}
		}
	}
}

// unsigned is a request without what is made anew for each.
func unsigned(req proto.Message) proto.Message {
	req = proto.Clone(req)
	for _, name := range []protoreflect.Name{"request_id", "token"} {
		if fd := req.ProtoReflect().Descriptor().Fields().ByName(name); fd != nil {
			req.ProtoReflect().Clear(fd)
		}
	}
	return req
}

// answer is all that a call brought.
type answer struct {
	frames          []proto.Message
	header, trailer metadata.MD
	err             error
}

// call calls any method; of a stream it takes what comes until it ends, or falls silent.
func (h *house) call(ctx context.Context, t *testing.T, md protoreflect.MethodDescriptor, path string, req proto.Message) (a answer) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := h.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
	must(t, err)
	if err := st.SendMsg(req); !errors.Is(err, io.EOF) { // else it was refused already
		must(t, err)
	}
	must(t, st.CloseSend())
	out, err := protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
	must(t, err)
	for {
		m := out.New().Interface()
		if err := st.RecvMsg(m); err != nil {
			if !errors.Is(err, io.EOF) {
				a.err = err
			}
			break
		}
		a.frames = append(a.frames, m)
		if f, ok := m.(*parleyv1.SubscribeResponse); ok && f.GetHeartbeat() != nil {
			break
		}
		if _, ok := m.(*healthpb.HealthCheckResponse); ok && md.IsStreamingServer() {
			break
		}
	}
	if a.header, err = st.Header(); err != nil {
		a.header = nil
	}
	a.trailer = st.Trailer()
	return a
}

// messages are those of the answer, that of an error and its details among them.
func (a answer) messages() []proto.Message {
	ms := slices.Clone(a.frames)
	if a.err != nil {
		ms = append(ms, status.Convert(a.err).Proto())
	}
	return ms
}

func (a answer) text() string {
	var b strings.Builder
	for _, m := range a.messages() {
		fmt.Fprintf(&b, "  %s\n", prototext.MarshalOptions{}.Format(m))
	}
	return b.String()
}

// raw is every byte of the answer.
func (a answer) raw() []byte {
	var b []byte
	for _, m := range a.messages() {
		b, _ = proto.MarshalOptions{}.MarshalAppend(b, m)
	}
	return fmt.Appendf(b, "%v%v", a.header, a.trailer)
}

// plain is the answer without what differs between any two calls, and without what the request itself said.
func (a answer) plain(about aim) []byte {
	var b []byte
	for _, m := range a.messages() {
		m = proto.Clone(m)
		flatten(m.ProtoReflect(), about)
		b, _ = proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, m)
		b = append(b, '\n')
	}
	return b
}

// passing are fields of positions, times and numbers given out in turn.
var passing = []protoreflect.Name{
	"id", "seq", "cursor", "request_id", "applied_index", "indexed_index", "number", "term", "committed", "applied", "flushed", "hash",
}

func flatten(m protoreflect.Message, about aim) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case slices.Contains(passing, fd.Name()):
			m.Clear(fd)
		case fd.IsMap() && fd.MapValue().Kind() == protoreflect.StringKind:
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				m.Mutable(fd).Map().Set(k, protoreflect.ValueOfString(about.hide(v.String())))
				return true
			})
		case fd.IsMap():
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				flattenOne(v.List().Get(i).Message(), about)
			}
		case fd.IsList():
		case fd.Message() != nil:
			flattenOne(v.Message(), about)
		case fd.Kind() == protoreflect.StringKind:
			m.Set(fd, protoreflect.ValueOfString(about.hide(v.String())))
		}
		return true
	})
}

func flattenOne(m protoreflect.Message, about aim) {
	switch m := m.Interface().(type) {
	case *timestamppb.Timestamp:
		proto.Reset(m)
	case *anypb.Any:
		if inner, err := m.UnmarshalNew(); err == nil {
			flatten(inner.ProtoReflect(), about)
			_ = anypb.MarshalFrom(m, inner, proto.MarshalOptions{Deterministic: true})
		}
	default:
		flatten(m.ProtoReflect(), about)
	}
}

// aim is what a request is about.
type aim struct {
	// room is a room's name, was an earlier one of it; both with #.
	room, was string
	// prefix is how their names, and that of a room that everybody sees, begin.
	prefix    string
	user, bot string
	// word is in a text.
	word string
	id   uint64
}

// hide puts the same in the place of what the aim names.
func (a aim) hide(s string) string {
	s = strings.NewReplacer(a.room, "#ROOM", a.was, "#WAS", a.room[1:], "ROOM", a.was[1:], "WAS", a.user, "USER", a.bot, "BOT",
		a.word, "WORD", a.prefix, "PREFIX").Replace(s)
	return regexp.MustCompile(fmt.Sprintf(`\b%d\b`, a.id)).ReplaceAllString(s, "ID")
}

// found lists the secrets in an answer, without those that the caller knows and those that the request said itself.
func (h *house) found(a answer, req proto.Message, known []string) (secrets []string) {
	raw := a.raw()
	asked, _ := proto.Marshal(req)
	for _, s := range h.secrets {
		if bytes.Contains(raw, []byte(s)) && !bytes.Contains(asked, []byte(s)) && !slices.Contains(known, s) {
			secrets = append(secrets, s)
		}
	}
	return secrets
}
