package client

import (
	"context"

	"parley/proto/parleyv1"
)

// One method for each operation. A request id is made if the request has none; the request itself is never changed. All
// errors are *Error.

// --- ChatService

// CreateUser makes an account. It needs no session.
func (c *Client) CreateUser(ctx context.Context, r *parleyv1.CreateUserRequest) (*parleyv1.CreateUserResponse, error) {
	return invoke(ctx, c, "CreateUser", kindOpen, r, c.chat.CreateUser)
}

// Login opens a session and uses its token from then on. label is what ListSessions shows.
func (c *Client) Login(ctx context.Context, username, password, label string) (*parleyv1.LoginResponse, error) {
	return c.LoginWith(ctx, &parleyv1.LoginRequest{Username: username, Password: password, Client: label})
}

// LoginWith is Login with the whole request: with the same request id and token it can be repeated.
func (c *Client) LoginWith(ctx context.Context, r *parleyv1.LoginRequest) (*parleyv1.LoginResponse, error) {
	token := r.GetToken()
	if len(token) == 0 {
		token = NewToken()
		r = &parleyv1.LoginRequest{
			RequestId: r.GetRequestId(), Username: r.GetUsername(), Password: r.GetPassword(), Token: token,
			Client: r.GetClient(),
		}
	}
	resp, err := invoke(ctx, c, "Login", kindOpen, r, c.chat.Login)
	if err != nil {
		return nil, err
	}
	c.SetToken(token)
	return resp, nil
}

// Logout ends the session and forgets the token.
func (c *Client) Logout(ctx context.Context) error {
	return c.LogoutWith(ctx, &parleyv1.LogoutRequest{})
}

// LogoutWith is Logout with the whole request.
func (c *Client) LogoutWith(ctx context.Context, r *parleyv1.LogoutRequest) error {
	token := c.Token()
	if _, err := invoke(ctx, c, "Logout", kindSession, r, c.chat.Logout); err != nil {
		return err
	}
	c.dropToken(token)
	return nil
}

// WhoAmI tells the account and the session.
func (c *Client) WhoAmI(ctx context.Context, r *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error) {
	return invoke(ctx, c, "WhoAmI", kindSession, r, c.chat.WhoAmI)
}

// ChangePassword replaces the password; this session goes on, the account's others end.
func (c *Client) ChangePassword(
	ctx context.Context, r *parleyv1.ChangePasswordRequest,
) (*parleyv1.ChangePasswordResponse, error) {
	return invoke(ctx, c, "ChangePassword", kindSession, r, c.chat.ChangePassword)
}

// ListSessions lists the account's sessions.
func (c *Client) ListSessions(
	ctx context.Context, r *parleyv1.ListSessionsRequest,
) (*parleyv1.ListSessionsResponse, error) {
	return invoke(ctx, c, "ListSessions", kindSession, r, c.chat.ListSessions)
}

// RevokeSession ends one session of the account.
func (c *Client) RevokeSession(
	ctx context.Context, r *parleyv1.RevokeSessionRequest,
) (*parleyv1.RevokeSessionResponse, error) {
	return invoke(ctx, c, "RevokeSession", kindSession, r, c.chat.RevokeSession)
}

// ListUsers returns one page of the accounts whose name matches a glob.
func (c *Client) ListUsers(ctx context.Context, r *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error) {
	return invoke(ctx, c, "ListUsers", kindSession, r, c.chat.ListUsers)
}

// SendMessage returns when a majority has the message on disk. Concurrent callers share one stream to the current node, whose
// frames take what is ready together; see Options.Unary.
func (c *Client) SendMessage(
	ctx context.Context, r *parleyv1.SendMessageRequest,
) (*parleyv1.SendMessageResponse, error) {
	if !c.opts.Unary {
		return c.send(ctx, r)
	}
	return invoke(ctx, c, "SendMessage", kindSession, r, c.chat.SendMessage)
}

// ReadMessages returns one page of messages. It marks nothing as read.
func (c *Client) ReadMessages(
	ctx context.Context, r *parleyv1.ReadMessagesRequest,
) (*parleyv1.ReadMessagesResponse, error) {
	return invoke(ctx, c, "ReadMessages", kindSession, r, c.chat.ReadMessages)
}

// MarkRead marks ranges of messages as read.
func (c *Client) MarkRead(ctx context.Context, r *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error) {
	return invoke(ctx, c, "MarkRead", kindSession, r, c.chat.MarkRead)
}

// ListConversations returns one page of conversations and the cursor to subscribe from.
func (c *Client) ListConversations(
	ctx context.Context, r *parleyv1.ListConversationsRequest,
) (*parleyv1.ListConversationsResponse, error) {
	return invoke(ctx, c, "ListConversations", kindSession, r, c.chat.ListConversations)
}

// SearchMessages returns one page of the messages that match a query. A page may be empty and yet not be the last.
func (c *Client) SearchMessages(
	ctx context.Context, r *parleyv1.SearchMessagesRequest,
) (*parleyv1.SearchMessagesResponse, error) {
	return invoke(ctx, c, "SearchMessages", kindSession, r, c.chat.SearchMessages)
}

// DeleteMessages deletes messages by id.
func (c *Client) DeleteMessages(
	ctx context.Context, r *parleyv1.DeleteMessagesRequest,
) (*parleyv1.DeleteMessagesResponse, error) {
	return invoke(ctx, c, "DeleteMessages", kindSession, r, c.chat.DeleteMessages)
}

// DeleteUser deletes the account and forgets the token.
func (c *Client) DeleteUser(ctx context.Context, r *parleyv1.DeleteUserRequest) (*parleyv1.DeleteUserResponse, error) {
	token := c.Token()
	resp, err := invoke(ctx, c, "DeleteUser", kindSession, r, c.chat.DeleteUser)
	if err == nil {
		c.dropToken(token)
	}
	return resp, err
}

// SetPresence says that the caller is at the keyboard, or away. It holds for a minute: say it again while it is so.
func (c *Client) SetPresence(
	ctx context.Context, r *parleyv1.SetPresenceRequest,
) (*parleyv1.SetPresenceResponse, error) {
	return invoke(ctx, c, "SetPresence", kindSession, r, c.chat.SetPresence)
}

// SendTyping tells who follows a conversation that the caller is typing in it. It is no harm when it fails.
func (c *Client) SendTyping(ctx context.Context, r *parleyv1.SendTypingRequest) (*parleyv1.SendTypingResponse, error) {
	return invoke(ctx, c, "SendTyping", kindSession, r, c.chat.SendTyping)
}

// ListPresence tells who of some accounts is there, as the current node knows it.
func (c *Client) ListPresence(
	ctx context.Context, r *parleyv1.ListPresenceRequest,
) (*parleyv1.ListPresenceResponse, error) {
	return invoke(ctx, c, "ListPresence", kindSession, r, c.chat.ListPresence)
}

// UpdateProfile changes what others see of the account.
func (c *Client) UpdateProfile(
	ctx context.Context, r *parleyv1.UpdateProfileRequest,
) (*parleyv1.UpdateProfileResponse, error) {
	return invoke(ctx, c, "UpdateProfile", kindSession, r, c.chat.UpdateProfile)
}

// SetBlock blocks an account, or ends that.
func (c *Client) SetBlock(ctx context.Context, r *parleyv1.SetBlockRequest) (*parleyv1.SetBlockResponse, error) {
	return invoke(ctx, c, "SetBlock", kindSession, r, c.chat.SetBlock)
}

// ListBlocks lists the accounts that the caller blocks.
func (c *Client) ListBlocks(ctx context.Context, r *parleyv1.ListBlocksRequest) (*parleyv1.ListBlocksResponse, error) {
	return invoke(ctx, c, "ListBlocks", kindSession, r, c.chat.ListBlocks)
}

// CreateBot makes a bot, where there is none of the name, and the token in the request its token: see NewToken.
func (c *Client) CreateBot(ctx context.Context, r *parleyv1.CreateBotRequest) (*parleyv1.CreateBotResponse, error) {
	return invoke(ctx, c, "CreateBot", kindSession, r, c.chat.CreateBot)
}

// DeleteBot deletes a bot and ends its tokens.
func (c *Client) DeleteBot(ctx context.Context, r *parleyv1.DeleteBotRequest) (*parleyv1.DeleteBotResponse, error) {
	return invoke(ctx, c, "DeleteBot", kindSession, r, c.chat.DeleteBot)
}

// --- ClusterService

// Status describes the cluster as one live node sees it; it needs no quorum.
func (c *Client) Status(ctx context.Context, r *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error) {
	return invoke(ctx, c, "Status", kindAnyNode, r, c.cluster.Status)
}

// StateHash has every reachable member hash its state at one applied index.
func (c *Client) StateHash(ctx context.Context, r *parleyv1.StateHashRequest) (*parleyv1.StateHashResponse, error) {
	return invoke(ctx, c, "StateHash", kindSession, r, c.cluster.StateHash)
}

// TransferLeadership moves leadership. It has no request id: a try whose outcome is unknown is not repeated.
func (c *Client) TransferLeadership(
	ctx context.Context, r *parleyv1.TransferLeadershipRequest,
) (*parleyv1.TransferLeadershipResponse, error) {
	return invoke(ctx, c, "TransferLeadership", kindOnce, r, c.cluster.TransferLeadership)
}

// ChangeMembers adds, promotes and removes members; what still waits when it returns is in the answer.
func (c *Client) ChangeMembers(
	ctx context.Context, r *parleyv1.ChangeMembersRequest,
) (*parleyv1.ChangeMembersResponse, error) {
	return invoke(ctx, c, "ChangeMembers", kindSession, r, c.cluster.ChangeMembers)
}

// SetOperator grants or takes the operator bit.
func (c *Client) SetOperator(
	ctx context.Context, r *parleyv1.SetOperatorRequest,
) (*parleyv1.SetOperatorResponse, error) {
	return invoke(ctx, c, "SetOperator", kindSession, r, c.cluster.SetOperator)
}

// ResetPassword sets a new password for an account whose owner lost it.
func (c *Client) ResetPassword(
	ctx context.Context, r *parleyv1.ResetPasswordRequest,
) (*parleyv1.ResetPasswordResponse, error) {
	return invoke(ctx, c, "ResetPassword", kindSession, r, c.cluster.ResetPassword)
}

// ImportAccounts makes up to 100 accounts from password hashes that another system made. It needs an operator.
func (c *Client) ImportAccounts(
	ctx context.Context, r *parleyv1.ImportAccountsRequest,
) (*parleyv1.ImportAccountsResponse, error) {
	return invoke(ctx, c, "ImportAccounts", kindSession, r, c.cluster.ImportAccounts)
}

// SuspendUser ends an account's sessions and lets it open none, or ends that.
func (c *Client) SuspendUser(
	ctx context.Context, r *parleyv1.SuspendUserRequest,
) (*parleyv1.SuspendUserResponse, error) {
	return invoke(ctx, c, "SuspendUser", kindSession, r, c.cluster.SuspendUser)
}

// RemoveUser deletes another's account.
func (c *Client) RemoveUser(ctx context.Context, r *parleyv1.RemoveUserRequest) (*parleyv1.RemoveUserResponse, error) {
	return invoke(ctx, c, "RemoveUser", kindSession, r, c.cluster.RemoveUser)
}

// GetSettings tells the cluster's settings.
func (c *Client) GetSettings(
	ctx context.Context, r *parleyv1.GetSettingsRequest,
) (*parleyv1.GetSettingsResponse, error) {
	return invoke(ctx, c, "GetSettings", kindSession, r, c.cluster.GetSettings)
}

// UpdateSettings changes what is set of the cluster's settings.
func (c *Client) UpdateSettings(
	ctx context.Context, r *parleyv1.UpdateSettingsRequest,
) (*parleyv1.UpdateSettingsResponse, error) {
	return invoke(ctx, c, "UpdateSettings", kindSession, r, c.cluster.UpdateSettings)
}

// CreateInvite lets a code admit new accounts: see NewInviteCode.
func (c *Client) CreateInvite(
	ctx context.Context, r *parleyv1.CreateInviteRequest,
) (*parleyv1.CreateInviteResponse, error) {
	return invoke(ctx, c, "CreateInvite", kindSession, r, c.cluster.CreateInvite)
}

// ListInvites lists the codes that admit, without telling them.
func (c *Client) ListInvites(
	ctx context.Context, r *parleyv1.ListInvitesRequest,
) (*parleyv1.ListInvitesResponse, error) {
	return invoke(ctx, c, "ListInvites", kindSession, r, c.cluster.ListInvites)
}

// RevokeInvite takes a code out of force.
func (c *Client) RevokeInvite(
	ctx context.Context, r *parleyv1.RevokeInviteRequest,
) (*parleyv1.RevokeInviteResponse, error) {
	return invoke(ctx, c, "RevokeInvite", kindSession, r, c.cluster.RevokeInvite)
}

// ListAudit returns one page of the audit log, the newest acts first.
func (c *Client) ListAudit(ctx context.Context, r *parleyv1.ListAuditRequest) (*parleyv1.ListAuditResponse, error) {
	return invoke(ctx, c, "ListAudit", kindSession, r, c.cluster.ListAudit)
}
