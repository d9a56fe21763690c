package node

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto/internalv1"
)

// Whether a command is taken when space is short is decided for each: one that nobody thought of fails here.
func TestEveryCommandAddsOrDoesNot(t *testing.T) {
	adds := map[string]bool{
		"create_user": true, "login": true, "send_message": true, "post_message": true, "edit_message": true, "annotate": true,
		"create_room": true, "create_invite": true, "register_user": true, "create_bot": true,
		"logout": false, "change_password": false, "revoke_session": false, "mark_read": false, "delete_messages": false,
		"delete_user": false, "set_read_mark": false, "set_mute": false, "update_room": false, "set_membership": false,
		"update_profile": false, "set_block": false, "set_operator": false, "reset_password": false, "suspend_user": false,
		"remove_user": false, "update_settings": false, "revoke_invite": false, "delete_bot": false, "announce_member": false,
		"raise_cluster_version": false, "hash_mark": false, "erase_slice": false, "expire_slice": false, "change_members": false,
		"retain_slice": false,
	}
	body := (&internalv1.Command{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range body.Len() {
		f := body.Get(i)
		want, known := adds[string(f.Name())]
		if !known {
			t.Errorf("%s: say whether it adds to the state", f.Name())
			continue
		}
		cmd := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), make([]byte, 16))
		cmd = protowire.AppendBytes(protowire.AppendTag(cmd, f.Number(), protowire.BytesType), nil)
		if got := commandAdds(cmd); got != want {
			t.Errorf("%s: adds is %v, want %v", f.Name(), got, want)
		}
	}
}
