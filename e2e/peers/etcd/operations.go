package main

import (
	"context"
	"errors"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"parley/e2e/peers/measure"
)

// put writes a key of its own each time.
func (l *lab) put(label string, clients []*clientv3.Client) measure.Operation {
	return func(ctx context.Context, caller, n int) error {
		key := label + strconv.Itoa(caller) + "/" + strconv.Itoa(n)
		_, err := clients[caller%len(clients)].Put(ctx, key, l.value)
		return err
	}
}

// get reads single keys, linearizable, from all nodes.
func (l *lab) get(ctx context.Context, r measure.Result) (measure.Result, error) {
	for i := range readKeys {
		if _, err := l.clients[0].Put(ctx, "get/"+strconv.Itoa(i), l.value); err != nil {
			return r, err
		}
	}
	return l.Closed(ctx, r, l.f.Plan, func(ctx context.Context, caller, n int) error {
		resp, err := l.clients[caller%len(l.clients)].Get(ctx, "get/"+strconv.Itoa((31*caller+n)%readKeys))
		if err == nil && len(resp.Kvs) != 1 {
			return errors.New("a key is missing")
		}
		return err
	}), nil
}

// watch puts at the rate through one node that follows and watches on another one.
func (l *lab) watch(ctx context.Context, r measure.Result, label string) (measure.Result, error) {
	leader, err := l.leader(ctx)
	if err != nil {
		return r, err
	}
	var followers []*clientv3.Client
	for _, n := range l.Nodes {
		if n == leader {
			continue
		}
		cl, err := dial(endpoint(n))
		if err != nil {
			return r, err
		}
		defer cl.Close()
		followers = append(followers, cl)
	}
	r.Callers, r.Conns = 1, 2
	subscribe := func(d *measure.Delivery) (func(), error) {
		ctx, cancel := context.WithCancel(ctx)
		events := followers[1].Watch(ctx, label, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		if first, ok := <-events; !ok || first.Err() != nil {
			cancel()
			return nil, errors.New("the watch was refused")
		}
		ended := make(chan struct{})
		// Owned by the measurement, ends with ctx.
		go func() {
			defer close(ended)
			for resp := range events {
				for _, e := range resp.Events {
					i, err := strconv.Atoi(string(e.Kv.Key[len(label)+len("0/"):]))
					if err != nil {
						i = -1
					}
					d.Arrived(i)
				}
			}
		}()
		return func() { cancel(); <-ended }, nil
	}
	return l.Deliver(ctx, r, l.f.Plan, l.f.Rate, subscribe, l.put(label, followers[:1]))
}

// failover has clients that know all nodes.
func (l *lab) failover(ctx context.Context, r measure.Result, label string) (measure.Result, error) {
	var all []string
	for _, n := range l.Nodes {
		all = append(all, endpoint(n))
	}
	var clients []*clientv3.Client
	for range r.Conns {
		cl, err := dial(all...)
		if err != nil {
			return r, err
		}
		defer cl.Close()
		clients = append(clients, cl)
	}
	return l.Failover(ctx, r, l.f.Plan, l.f.Rounds, measure.Killing{Leader: l.leader, Write: l.put(label, clients)})
}
