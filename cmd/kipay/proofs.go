package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/readapi/pages/verifier"
)

// proofs are the Merkle tree over the log, its signed heads, and what is proved with them.
type proofs struct {
	tree      *transparency.Tree
	heads     *transparency.Heads
	maker     *transparency.Maker
	issuer    *transparency.Issuer
	follower  *transparency.Follower
	publisher *transparency.Publisher
	every     time.Duration
	log       zerolog.Logger
	// changed tells that the log was found not to be the one that its proofs were made of.
	changed atomic.Bool
}

// proofsDir is the tree's folder in the data folder: a cache of what the log says.
const proofsDir = "proofs"

// openProofs opens the tree.
func (n *node) openProofs() error {
	p := &proofs{every: n.cfg.HeadEvery, log: n.log}
	var err error
	p.tree, err = transparency.OpenTree(filepath.Join(n.cfg.DataDir, proofsDir), transparency.TreeOptions{
		Logf: func(format string, args ...any) { n.log.Warn().Msgf(format, args...) },
	})
	if err != nil {
		return err
	}
	p.heads = transparency.NewHeads(n.events)
	witnesses, err := openWitnesses(n.cfg.Witnesses)
	if err != nil {
		_ = p.tree.Close()
		return err
	}
	failed := p.complaints()
	p.maker = transparency.NewMaker(transparency.MakerOptions{
		Log: n.events, Tree: p.tree, Heads: p.heads, Secrets: n.ring, Origin: n.proofsOrigin(), Witnesses: witnesses, Failed: failed,
	})
	p.issuer = transparency.NewIssuer(p.maker)
	p.follower = transparency.NewFollower(transparency.FollowerOptions{Store: n.store, Tree: p.tree, Observe: p.heads.Observe, Failed: failed})
	p.publisher = transparency.NewPublisher(transparency.PublisherOptions{Store: n.store, Tree: p.tree, Heads: p.heads})
	n.proofs = p
	return nil
}

// complaints tells of what went wrong. A log that was changed is nothing that gets well by trying.
func (p *proofs) complaints() func(error) {
	again := complaints(p.log, zerolog.WarnLevel, "the log's proofs; it is tried again")
	changed := complaints(p.log, zerolog.ErrorLevel, "the log is not what was signed: no head is signed, and receipts are not issued")
	return func(err error) {
		if errors.Is(err, transparency.ErrHistory) {
			p.changed.Store(true)
			changed(err)
			return
		}
		again(err)
	}
}

// proofsOrigin is the log's name before a key has one.
func (n *node) proofsOrigin() string {
	if n.cfg.ProofsOrigin != "" {
		return n.cfg.ProofsOrigin
	}
	host := "localhost"
	if u, err := url.Parse(n.publicURL()); err == nil && u.Host != "" {
		host = u.Host
	}
	return host + "/kipay"
}

// run builds the tree and signs its heads until ctx ends. A log that is not the one that was signed is no reason to take no
// payments: it is said, loudly, and the proofs stand still.
func (p *proofs) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := p.follower.Run(ctx); err != nil {
			p.changed.Store(true)
			p.log.Error().Err(err).Msg("the log is not the one that its proofs were made of: receipts are not issued")
		}
		return nil
	})
	g.Go(func() error { return p.maker.Run(ctx, p.every) })
	return g.Wait()
}

func (p *proofs) close() { _ = p.tree.Close() }

// register adds what others mirror (C2SP tlog-tiles).
func (p *proofs) register(r fiber.Router) {
	r.Get("/transparency/checkpoint", p.publish)
	r.Get("/transparency/keys", p.publish)
	r.Get("/transparency/tile/*", p.publish)
	r.Get("/transparency/verifier", verifierPage)
}

// verifierPage is a page that checks receipts in the browser. It says its own policy, which lets it load nothing; a header
// would say it once more, and it must stand in one place.
func verifierPage(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors 'none'")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(verifier.Page())
}

func (p *proofs) publish(c *fiber.Ctx) error {
	found, err := p.publisher.Get(c.UserContext(), strings.TrimPrefix(c.Path(), "/transparency/"))
	switch {
	case errors.Is(err, transparency.ErrNotFound):
		return domain.NotFoundf("Not found")
	case errors.Is(err, transparency.ErrBehind), errors.Is(err, transparency.ErrDamaged), errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrClosed):
		return domain.Unavailable("The log's proofs can't be read right now; try again", err)
	case err != nil:
		return err
	}
	c.Set(fiber.HeaderContentType, found.ContentType)
	c.Set(fiber.HeaderCacheControl, found.CacheControl)
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*") // it is public
	return c.Send(found.Body)
}

// witnessSetting is a witness as it is configured.
type witnessSetting struct{ url, key string }

// parseWitnesses reads URL and key of each.
func parseWitnesses(v string) ([]witnessSetting, error) {
	var out []witnessSetting
	for _, one := range strings.Split(v, ",") {
		parts := strings.Fields(one)
		if len(parts) != 2 {
			return nil, fmt.Errorf("must be a URL and a verifier key with a space between, not %q", strings.TrimSpace(one))
		}
		out = append(out, witnessSetting{parts[0], parts[1]})
	}
	_, err := openWitnesses(out)
	return out, err
}

func openWitnesses(settings []witnessSetting) ([]*transparency.Witness, error) {
	var out []*transparency.Witness
	for _, s := range settings {
		w, err := transparency.NewWitness(s.url, s.key, http.DefaultClient)
		if err != nil {
			return nil, fmt.Errorf("KIPAY_WITNESSES: %w", err)
		}
		out = append(out, w)
	}
	return out, nil
}
