package chat

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/screens/cluster"
)

// clusterCommands are those about the cluster and the connection.
func clusterCommands() []command {
	return []command{
		{"status", "", "the connection in words", (*Model).cmdStatus},
		{"cluster", "", "the cluster: nodes, leader, lag, latency, events (F3)", func(m *Model, _ string) tea.Cmd { return m.openCluster() }},
		{"connect", "host:port[,…]", "try these addresses too", (*Model).cmdConnect},
		{"transfer-leader", "node", "make a node the leader (operators)", (*Model).cmdTransfer},
		{"member", "promote|remove node", "change the members (operators)", (*Model).cmdMember},
	}
}

// openCluster shows the cluster, or closes it when it is in front.
func (m *Model) openCluster() tea.Cmd { return m.push(cluster.New(m.ctx, m.c)) }

func (m *Model) cmdStatus(string) tea.Cmd {
	m.tell(m.c.Link.Word() + ": " + m.c.Link.State().Meaning() + " · " + m.c.Link.Detail(m.c.Now()))
	return nil
}

func (m *Model) cmdConnect(args string) tea.Cmd {
	be, ok := m.c.Backend.(common.Connector)
	if args == "" || !ok {
		m.fail("/connect host:port[,host:port…]: say where")
		return nil
	}
	if err := be.Connect(strings.Split(args, ",")...); err != nil {
		m.fail(err.Error())
		return nil
	}
	m.tell("trying " + args)
	return nil
}

func (m *Model) cmdTransfer(args string) tea.Cmd { return m.askCluster(cluster.Transfer, args) }

func (m *Model) cmdMember(args string) tea.Cmd {
	verb, name, _ := strings.Cut(args, " ")
	switch verb {
	case "promote":
		return m.askCluster(cluster.Promote, name)
	case "remove":
		return m.askCluster(cluster.Remove, name)
	case "add":
		m.fail("a new member needs a machine: parley cluster add NAME HOST:PORT, then parley serve --join there")
		return nil
	}
	m.fail("/member promote|remove node")
	return nil
}

// askCluster opens the cluster screen with a question about a member that is known.
func (m *Model) askCluster(act cluster.Act, name string) tea.Cmd {
	name = strings.TrimSpace(name)
	for _, mb := range m.c.Link.Members {
		if mb.Name == name {
			o := cluster.New(m.ctx, m.c)
			cmd := m.push(o)
			o.Ask(act, name)
			return cmd
		}
	}
	m.fail("no member is called " + name + "; /cluster lists them")
	return nil
}
