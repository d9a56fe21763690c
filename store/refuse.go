package store

import (
	"fmt"

	"parley/proto/internalv1"
)

// refuse is the answer to a command that was not carried out. It leaves nothing behind: a retry is judged anew.
func refuse(reason internalv1.Reason, field, format string, args ...any) *internalv1.Result {
	return &internalv1.Result{Outcome: &internalv1.Result_Refusal{Refusal: &internalv1.Refusal{
		Reason: reason, Field: field, Message: fmt.Sprintf(format, args...),
	}}}
}

func refuseField(field, format string, args ...any) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_INVALID_FIELD, field, format, args...)
}

func refuseSession() *internalv1.Result {
	return refuse(internalv1.Reason_REASON_SESSION_INVALID, "", "the session has ended; log in again")
}

func refuseNoUser(field, name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_USER_NOT_FOUND, field, "there is no account %q", name)
}

func refuseDeletedUser(field, name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_USER_DELETED, field, "the account %q was deleted", name)
}

func refuseSuspended(field, name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_USER_SUSPENDED, field, "the account %q is suspended; ask an operator", name)
}

func refuseBot(name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "username",
		"%q is a bot: it has no password and no rights, only the tokens that its owner makes", name)
}

func refuseScope() *internalv1.Result {
	return refuse(internalv1.Reason_REASON_TOKEN_SCOPE, "",
		"this token may only send to the conversation that it was made for")
}

func refuseLimit(field, format string, args ...any) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_LIMIT_REACHED, field, format, args...)
}
