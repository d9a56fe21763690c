package keymap

import (
	"reflect"
	"testing"

	"charm.land/bubbles/v2/key"
)

// Every key of the chat page is on the help screen, and no two keys of one place do different things.
func TestHelpIsComplete(t *testing.T) {
	m := Default()
	listed := map[string]bool{}
	for _, g := range m.Groups() {
		for _, b := range g.Keys {
			listed[b.Help().Desc] = true
		}
	}
	forms := map[string]bool{"NextField": true, "PrevField": true, "Accept": true, "SwitchForm": true, "Yes": true, "No": true}
	v := reflect.ValueOf(m)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		b := v.Field(i).Interface().(key.Binding)
		if len(b.Keys()) == 0 || b.Help().Key == "" || b.Help().Desc == "" {
			t.Errorf("%s has no key or no help", name)
		}
		if !forms[name] && !listed[b.Help().Desc] {
			t.Errorf("%s is not on the help screen", name)
		}
	}
	taken := map[string]string{}
	for _, g := range m.Groups()[:4] { // the last is a mode of its own
		for _, b := range g.Keys {
			for _, k := range b.Keys() {
				if was := taken[k]; was != "" {
					t.Errorf("%s does two things: %s; %s", k, was, b.Help().Desc)
				}
				taken[k] = b.Help().Desc
			}
		}
	}
}
