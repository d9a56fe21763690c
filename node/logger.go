package node

import (
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
)

// raftLogger lets raft speak through slog. What raft calls information is detail to an operator, who sees this package's
// own lines; a panic stays a panic.
type raftLogger struct{ l *slog.Logger }

var _ raft.Logger = raftLogger{}

func (r raftLogger) Debug(v ...any) { r.l.Debug(fmt.Sprint(v...), "from", "raft") }
func (r raftLogger) Debugf(format string, v ...any) {
	r.l.Debug(fmt.Sprintf(format, v...), "from", "raft")
}
func (r raftLogger) Info(v ...any) { r.l.Debug(fmt.Sprint(v...), "from", "raft") }
func (r raftLogger) Infof(format string, v ...any) {
	r.l.Debug(fmt.Sprintf(format, v...), "from", "raft")
}
func (r raftLogger) Warning(v ...any) { r.l.Warn(fmt.Sprint(v...), "from", "raft") }
func (r raftLogger) Warningf(format string, v ...any) {
	r.l.Warn(fmt.Sprintf(format, v...), "from", "raft")
}
func (r raftLogger) Error(v ...any) { r.l.Error(fmt.Sprint(v...), "from", "raft") }
func (r raftLogger) Errorf(format string, v ...any) {
	r.l.Error(fmt.Sprintf(format, v...), "from", "raft")
}
func (r raftLogger) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (r raftLogger) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (r raftLogger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (r raftLogger) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
