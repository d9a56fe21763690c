package api

import (
	"context"
	"errors"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// EditMessage answers with the message as it is after the edit, or after what came since. A caller who cannot see it any
// more by then is told its id alone.
func (s *chat) EditMessage(ctx context.Context, r *parleyv1.EditMessageRequest) (*parleyv1.EditMessageResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	f.messageID("id", r.Id)
	text := f.text("text", r.Text)
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_EditMessage{
		EditMessage: &internalv1.EditMessage{Id: r.Id, Text: text},
	}})
	if err != nil {
		return nil, err
	}
	m, err := s.readBack(ctx, res.GetEdit())
	if err != nil {
		return nil, err
	}
	return &parleyv1.EditMessageResponse{Message: m}, nil
}

// readBack reads an edited message, at or after the edit. This node may not have applied it yet: the answer came from the
// leader. Then a barrier helps. What fails here fails after the edit was made, so the outcome is unknown to the caller.
func (s *chat) readBack(ctx context.Context, e *internalv1.EditResult) (*parleyv1.Message, error) {
	m := &parleyv1.Message{Id: e.GetId()}
	behind := false
	look := func(v *store.View, sess store.Session) error {
		if behind = v.Index() < e.GetAppliedIndex(); behind {
			return nil
		}
		all, err := v.Message(sess, e.GetId())
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNotMember):
			return nil
		case err != nil:
			return err
		}
		m = all.GetMessage()
		return nil
	}
	_, err := s.read(ctx, parleyv1.Consistency_CONSISTENCY_LOCAL, look)
	if err == nil && behind {
		_, err = s.read(ctx, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE, look)
	}
	if err == nil {
		return m, nil
	}
	var f *failure
	if !errors.As(err, &f) {
		f = internal(err)
	}
	unsure := *f
	unsure.unknown = true
	return nil, &unsure
}

func (s *chat) Annotate(ctx context.Context, r *parleyv1.AnnotateRequest) (*parleyv1.AnnotateResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	f.messageID("id", r.Id)
	switch r.Kind {
	case parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION:
		f.reaction("value", r.Value)
	case parleyv1.AnnotationKind_ANNOTATION_KIND_PIN:
		if r.Value != "" {
			f.add("value", "must be empty: a pin has none")
		}
	default:
		f.add("kind", "must be REACTION or PIN")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_Annotate{
		Annotate: &internalv1.Annotate{
			Id: r.Id, Kind: internalv1.AnnotationKind(r.Kind), Value: r.Value, Present: r.Present,
		},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.AnnotateResponse{}, nil
}

func (s *chat) GetMessage(ctx context.Context, r *parleyv1.GetMessageRequest) (*parleyv1.GetMessageResponse, error) {
	var f form
	f.messageID("id", r.Id)
	if err := f.err(); err != nil {
		return nil, err
	}
	var resp *parleyv1.GetMessageResponse
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp, err = v.Message(sess, r.Id)
		return messageFailure(err, "id", r.Id)
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}
