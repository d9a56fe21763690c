package hook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// notification is what Alertmanager posts, version 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type notification struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	Status            string            `json:"status"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	TruncatedAlerts   uint64            `json:"truncatedAlerts"`
	Alerts            []alert           `json:"alerts"`
}

type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// fromAlertmanager reads a notification; now decides within which RepeatWindow it is the same one.
func fromAlertmanager(body []byte, now time.Time) (delivery, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return delivery{}, malformed("the body is no JSON of Alertmanager: " + err.Error())
	}
	if len(n.Alerts) == 0 || n.GroupKey == "" {
		return delivery{}, malformed("this JSON is neither Alertmanager's nor GitHub's: post those, or plain text")
	}
	text := clean(n.text())
	key := []string{"alertmanager", n.GroupKey, n.Status, text, fmt.Sprint(now.Unix() / int64(RepeatWindow/time.Second))}
	for _, a := range n.Alerts {
		key = append(key, a.Fingerprint, a.Status, a.StartsAt.UTC().Format(time.RFC3339Nano))
	}
	return delivery{text: text, key: strings.Join(key, "\x00")}, nil
}

func (n *notification) text() string {
	var b strings.Builder
	total := uint64(len(n.Alerts)) + n.TruncatedAlerts
	fmt.Fprintf(&b, "[%s:%d] %s", strings.ToUpper(line(n.Status)), total, n.title())
	if s := n.CommonAnnotations["summary"]; s != "" {
		b.WriteString(": " + line(s))
	}
	for i, a := range n.Alerts {
		if i == maxAlerts {
			break
		}
		if l := n.line(a); l != "" {
			b.WriteString("\n- " + l)
		}
	}
	if shown := uint64(min(len(n.Alerts), maxAlerts)); total > shown {
		fmt.Fprintf(&b, "\nand %d more", total-shown)
	}
	if s := n.CommonAnnotations["runbook_url"]; s != "" {
		b.WriteString("\n" + line(s))
	}
	return b.String()
}

// title is the alert's name, or what the group is of.
func (n *notification) title() string {
	if name := n.CommonLabels["alertname"]; name != "" {
		return line(name)
	}
	if len(n.GroupLabels) > 0 {
		return line(labels(n.GroupLabels, nil))
	}
	return "alerts"
}

// line tells of one alert what the title does not.
func (n *notification) line(a alert) string {
	var parts []string
	if a.Status != n.Status {
		parts = append(parts, a.Status)
	}
	for _, name := range []string{"summary", "description", "message"} {
		if s := a.Annotations[name]; s != "" && n.CommonAnnotations[name] != s {
			parts = append(parts, s)
			break
		}
	}
	if l := labels(a.Labels, n.CommonLabels); l != "" {
		parts = append(parts, "("+l+")")
	}
	switch {
	case a.Status == "resolved" && a.EndsAt.Year() > 1:
		parts = append(parts, "until "+a.EndsAt.UTC().Format("2006-01-02 15:04 UTC"))
	case a.StartsAt.Year() > 1:
		parts = append(parts, "since "+a.StartsAt.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return line(strings.Join(parts, " "))
}

// labels lists labels in the order of their names, without those that all alerts share.
func labels(of, without map[string]string) string {
	var out []string
	for name, value := range of {
		if without[name] != value {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
