package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The headers of a delivery: https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
const (
	headerEvent     = "X-GitHub-Event"
	headerDelivery  = "X-GitHub-Delivery"
	headerSignature = "X-Hub-Signature-256"
)

// event has what the messages tell of each kind of event.
type event struct {
	Action     string `json:"action"`
	Ref        string `json:"ref"`
	Compare    string `json:"compare"`
	Created    bool   `json:"created"`
	Deleted    bool   `json:"deleted"`
	Forced     bool   `json:"forced"`
	Zen        string `json:"zen"`
	Repository struct {
		FullName string `json:"full_name"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
	Organization struct {
		Login string `json:"login"`
	} `json:"organization"`
	Sender struct {
		Login string `json:"login"`
	} `json:"sender"`
	Commits []struct {
		ID      string `json:"id"`
		Message string `json:"message"`
		Author  struct {
			Name string `json:"name"`
		} `json:"author"`
	} `json:"commits"`
	PullRequest struct {
		item
		Merged bool `json:"merged"`
	} `json:"pull_request"`
	Issue   item `json:"issue"`
	Release struct {
		TagName string `json:"tag_name"`
		Name    string `json:"name"`
		HTMLURL string `json:"html_url"`
	} `json:"release"`
	WorkflowRun struct {
		Name       string `json:"name"`
		HeadBranch string `json:"head_branch"`
		HeadSHA    string `json:"head_sha"`
		Conclusion string `json:"conclusion"`
		HTMLURL    string `json:"html_url"`
	} `json:"workflow_run"`
}

// item is a pull request or an issue.
type item struct {
	Number  int    `json:"number"`
	Title   string `json:"title"`
	HTMLURL string `json:"html_url"`
}

// signed checks GitHub's signature of a body.
func signed(h http.Header, body, secret []byte) bool {
	given, ok := strings.CutPrefix(h.Get(headerSignature), "sha256=")
	if !ok {
		return false
	}
	sum, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hmac.Equal(sum, mac.Sum(nil))
}

// fromGitHub reads an event; one of which there is nothing to say has no text.
func fromGitHub(h http.Header, body []byte) (delivery, error) {
	if ct := mediaType(h); ct != "application/json" {
		return delivery{}, malformed("set the webhook's content type to application/json; this was " + ct)
	}
	id := h.Get(headerDelivery)
	if id == "" || len(id) > MaxKeyBytes {
		return delivery{}, malformed("there is no " + headerDelivery)
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return delivery{}, malformed("the body is no JSON of GitHub: " + err.Error())
	}
	return delivery{text: clean(silent(e.text(h.Get(headerEvent)))), key: "github\x00" + id}, nil
}

func (e *event) text(kind string) string {
	who, repo := line(e.Sender.Login), line(e.Repository.FullName)
	if repo == "" {
		repo = line(e.Organization.Login)
	}
	switch kind {
	case "ping":
		return fmt.Sprintf("GitHub tells of %s here from now on", repo)
	case "push":
		return e.push(who, repo)
	case "pull_request":
		action := e.Action
		if action == "closed" && e.PullRequest.Merged {
			action = "merged"
		}
		return e.PullRequest.told(who, action, "pull request", repo, "opened", "merged", "closed", "reopened", "ready_for_review")
	case "issues":
		return e.Issue.told(who, e.Action, "issue", repo, "opened", "closed", "reopened")
	case "release":
		if e.Action != "published" {
			return ""
		}
		name := line(e.Release.TagName)
		if n := line(e.Release.Name); n != "" && n != name {
			name += " (" + n + ")"
		}
		return fmt.Sprintf("%s released %s of %s\n%s", who, name, repo, line(e.Release.HTMLURL))
	case "workflow_run":
		if e.Action != "completed" {
			return ""
		}
		r := e.WorkflowRun
		return fmt.Sprintf("%s of %s at %s %s: %s\n%s", line(r.Name), repo, line(r.HeadBranch), short(r.HeadSHA),
			line(r.Conclusion), line(r.HTMLURL))
	}
	return ""
}

// told tells of an action that is worth it.
func (i *item) told(who, action, what, repo string, worth ...string) string {
	for _, w := range worth {
		if w == action {
			return fmt.Sprintf("%s %s %s #%d of %s: %s\n%s", who, strings.ReplaceAll(action, "_", " "), what, i.Number, repo,
				line(i.Title), line(i.HTMLURL))
		}
	}
	return ""
}

func (e *event) push(who, repo string) string {
	ref := line(strings.TrimPrefix(strings.TrimPrefix(e.Ref, "refs/heads/"), "refs/tags/"))
	switch {
	case e.Deleted:
		return fmt.Sprintf("%s deleted %s of %s", who, ref, repo)
	case len(e.Commits) == 0 && e.Created:
		return fmt.Sprintf("%s created %s of %s", who, ref, repo)
	}
	var b strings.Builder
	verb, commits := "pushed", "commits"
	if e.Forced {
		verb = "force-pushed"
	}
	if len(e.Commits) == 1 {
		commits = "commit"
	}
	fmt.Fprintf(&b, "%s %s %d %s to %s of %s", who, verb, len(e.Commits), commits, ref, repo)
	for i, c := range e.Commits {
		if i == maxCommits {
			fmt.Fprintf(&b, "\nand %d more", len(e.Commits)-maxCommits)
			break
		}
		fmt.Fprintf(&b, "\n- %s %s (%s)", short(c.ID), firstLine(c.Message), line(c.Author.Name))
	}
	return b.String() + "\n" + line(e.Compare)
}

// short is a commit as people name it.
func short(sha string) string {
	if len(sha) > 7 {
		sha = sha[:7]
	}
	return line(sha)
}
