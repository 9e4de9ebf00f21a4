package paystack

import (
	"context"
	"encoding/json"

	"github.com/benfex/kipay/commands/upstream"
)

// aboutDispute carries out an order about one dispute, unless there is a problem with it.
func (c *Client) aboutDispute(ctx context.Context, ch ChannelKey, cred Credentials, id string, o order, problem *Error) (reply, *Error) {
	if problem != nil {
		return reply{}, problem
	}
	if !isID(id) {
		return reply{}, refuse(o.call, FailureInvalidRequest, reasonRequestRejected, "the id of a dispute is a number")
	}
	return c.execute(ctx, ch, cred, o)
}

// oneDispute carries out an order whose answer is one dispute.
func (c *Client) oneDispute(ctx context.Context, ch ChannelKey, cred Credentials, id string, o order) (Dispute, error) {
	start := c.opts.Now()
	rep, failed := c.aboutDispute(ctx, ch, cred, id, o, nil)
	var d Dispute
	if failed == nil {
		d, failed = readDispute(id, o, rep)
	}
	c.observe(o.call, start, failed)
	if failed != nil {
		return Dispute{}, failed
	}
	return d, nil
}

func readDispute(id string, o order, rep reply) (Dispute, *Error) {
	data, ok := dataObject(rep.fields)
	if !ok {
		return Dispute{}, unclear(o, rep, "the answer has no data", nil)
	}
	d, err := decodeDispute(data)
	switch {
	case err != nil:
		return Dispute{}, unclear(o, rep, "the answer cannot be read", err)
	case d.ID != id:
		return Dispute{}, unclear(o, rep, "the answer is about another dispute", nil)
	}
	d.Raw = rep.raw
	return d, nil
}

func disputeRow(raw json.RawMessage, fields map[string]json.RawMessage) (Dispute, error) {
	d, err := decodeDispute(fields)
	if err == nil && d.ID == "" {
		err = &upstream.DecodeError{Problem: upstream.MissingField, Field: "id"}
	}
	d.Raw = raw
	return d, err
}
