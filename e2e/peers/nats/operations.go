package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/e2e/peers/measure"
)

// ackWait bounds the wait for one acknowledgement of an asynchronous publish.
const ackWait = 10 * time.Second

// publish waits for the acknowledgement. Each caller has a subject of its own, as a conversation would.
func (l *lab) publish(clients []jetstream.JetStream) measure.Operation {
	return func(ctx context.Context, caller, _ int) error {
		_, err := clients[caller%len(clients)].Publish(ctx, subjects+strconv.Itoa(caller), l.value)
		return err
	}
}

// async has one connection and as many messages under way as callers: each caller publishes and awaits its own future.
func (l *lab) async(ctx context.Context, r measure.Result) (measure.Result, error) {
	r.Conns = 1
	js := l.clients[0]
	return l.Closed(ctx, r, l.f.Plan, func(ctx context.Context, caller, _ int) error {
		future, err := js.PublishAsync(subjects+strconv.Itoa(caller), l.value)
		if err != nil {
			return err
		}
		timer := time.NewTimer(ackWait)
		defer timer.Stop()
		select {
		case <-future.Ok():
			return nil
		case err := <-future.Err():
			return err
		case <-timer.C:
			return fmt.Errorf("no acknowledgement within %s", ackWait)
		case <-ctx.Done():
			return ctx.Err()
		}
	}), nil
}

// consume publishes at the rate through one server that does not lead the stream; an ordered consumer hears on another one.
func (l *lab) consume(ctx context.Context, r measure.Result) (measure.Result, error) {
	leader, err := l.leader(ctx)
	if err != nil {
		return r, err
	}
	var followers []jetstream.JetStream
	for _, n := range l.Nodes {
		if n == leader {
			continue
		}
		js, end, err := dial(n)
		if err != nil {
			return r, err
		}
		defer end()
		followers = append(followers, js)
	}
	r.Callers, r.Conns = 1, 2
	subject := fmt.Sprintf("%sdeliver.%d", subjects, time.Now().UnixNano())
	subscribe := func(d *measure.Delivery) (func(), error) {
		consumer, err := followers[1].OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverAllPolicy,
		})
		if err != nil {
			return nil, err
		}
		consuming, err := consumer.Consume(func(m jetstream.Msg) {
			i, err := strconv.Atoi(strings.TrimSpace(string(m.Data())))
			if err != nil {
				i = -1
			}
			d.Arrived(i)
		})
		if err != nil {
			return nil, err
		}
		return consuming.Stop, nil
	}
	return l.Deliver(ctx, r, l.f.Plan, l.f.Rate, subscribe, func(ctx context.Context, _, n int) error {
		_, err := followers[0].Publish(ctx, subject, fmt.Appendf(nil, "%*d", l.f.Plan.Size, n))
		return err
	})
}

// failover has clients that know all servers.
func (l *lab) failover(ctx context.Context, r measure.Result) (measure.Result, error) {
	var clients []jetstream.JetStream
	for range r.Conns {
		js, end, err := dial(l.Nodes...)
		if err != nil {
			return r, err
		}
		defer end()
		clients = append(clients, js)
	}
	write := func(ctx context.Context, caller, _ int) error {
		_, err := clients[caller%len(clients)].Publish(ctx, subjects+strconv.Itoa(caller), l.value, jetstream.WithRetryAttempts(0))
		return err
	}
	return l.Failover(ctx, r, l.f.Plan, l.f.Rounds, measure.Killing{Leader: l.leader, Write: write})
}
