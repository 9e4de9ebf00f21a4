package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/cmd/kipay/internal/web"
	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/readapi"
	"github.com/benfex/kipay/readapi/pages"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API, the checkout page and the providers' callbacks",
		Long: `Serve everything on this machine: the API, the checkout page, the providers' callbacks, the event log, and the
read models in an embedded ClickHouse engine. SIGTERM or Ctrl-C finishes what was accepted and stops.`,
		Example: `  kipay serve
  kipay serve --http-addr 127.0.0.1:9000 --data-dir /var/lib/kipay --public-url https://pay.example.com
  KIPAY_SANDBOX=true kipay serve      # with simulators of the providers and a demo merchant`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			lines := newLineBuffer(os.Stderr)
			defer lines.stop()
			log := newLogger(zerolog.InfoLevel, lines)
			cfg, err := readConfig(cmd, environ(), func(name string) { log.Warn().Str("variable", name).Msg("unknown setting; is it spelt right?") })
			if err != nil {
				return err
			}
			tuneMemory()
			return serve(cmd.Context(), cfg, log.Level(cfg.LogLevel), cmd.OutOrStdout())
		}),
	}
	addSettings(cmd)
	return cmd
}

// Memory of the server's own heap, which lives at some 30 MB while little happens: collecting it four times less often costs
// little memory and saves a tenth of the processor under load, when up to 200 MB are in use (rows that wait to be written,
// states, buffers); above the soft limit it is collected as often as it takes.
const (
	gcPercent     = 400
	softHeapBytes = 512 << 20
)

// tuneMemory sets how often garbage is collected, unless the operator has said so.
func tuneMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(softHeapBytes)
	}
}

func newLogger(level zerolog.Level, to io.Writer) zerolog.Logger {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	return zerolog.New(to).Level(level).With().Timestamp().Logger()
}

// serve wires everything and runs it until ctx ends. Read it from top to bottom.
func serve(ctx context.Context, cfg *config, log zerolog.Logger, out interface{ Write([]byte) (int, error) }) error {
	if err := checkShared(cfg); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTPAddr)
	if err != nil {
		return portTaken("KIPAY_HTTP_ADDR", cfg.HTTPAddr, err)
	}
	defer func() { _ = ln.Close() }()
	cfg.HTTPAddr = reachable(ln.Addr())

	var sim *sandbox
	var n *node
	if cfg.Sandbox {
		sim, err = newSandbox(ctx, cfg, slog.New(slog.DiscardHandler), func(string) string {
			return "http://" + cfg.HTTPAddr + "/paystack/webhook" // the door that finds the channel by the payment
		})
		if err != nil {
			return err
		}
		defer func() { _ = sim.listener.Close() }()
		cfg.SandboxAddr = reachable(sim.listener.Addr())
	}

	// The write side: from here on this process owns the data folder.
	// Wherever the event store is: two servers on one folder would take each other's socket, spool and read models.
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	owned, err := embedded.OwnFolder(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = owned.Close() }()
	if err := clearStaging(cfg); err != nil {
		return err
	}
	kept, err := openSpool(ctx, cfg, log)
	if err != nil {
		return err
	}
	if kept != nil {
		defer func() { _ = kept.Close() }()
	}
	if n, err = openNodeWith(ctx, cfg, log, kept); err != nil {
		return err
	}
	defer func() { _ = n.close() }()
	if sim != nil {
		if err := sim.keepKey(cfg.DataDir); err != nil {
			return err
		}
	}

	// The read side: ClickHouse, in a child process or a server, kept true to the log.
	if cfg.readsModels() {
		if err := n.openReadSide(ctx, n.meter.registry); err != nil {
			return err
		}
		defer n.reads.close() //nolint:contextcheck // it ends after ctx does
		source := n.source()
		n.write.Payments = paymentIndex{projections.NewReader(n.reads.conn, source), source}
	}

	analysts, err := n.openAnalystPort(ctx)
	if err != nil {
		return err
	}

	// The Merkle tree over the log, and what is proved with it.
	if err := n.openProofs(); err != nil {
		return err
	}
	defer n.proofs.close()

	// HTTP.
	server, closeServer, err := n.newServer(sim)
	if err != nil {
		return err
	}
	defer closeServer()
	n.meter.watch(n)
	control, err := listenControl(ctx, cfg.DataDir)
	if err != nil {
		return err
	}

	// The web server stops first and finishes what it accepted; what it stands on stops after it.
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	g, background := errgroup.WithContext(background)
	g.Go(func() error { n.followLog(background); return nil })
	g.Go(func() error { return ended(background, "follower", n.runFollower(background)) })
	if cfg.Roles.has(roleProjector) {
		g.Go(func() error { return ended(background, roleProjector, n.runProjector(background)) })
	}
	if cfg.Roles.has(roleReactor) {
		g.Go(func() error { return ended(background, roleReactor, n.runReactor(background)) })
	}
	g.Go(func() error { return ended(background, "operator's socket", control.run(background, n)) })
	if sim != nil {
		g.Go(func() error { return ended(background, "sandbox", sim.run(background)) })
	}
	g.Go(func() error { return n.watchStore(background) })
	g.Go(func() error { return n.watchExpiries(background) })
	g.Go(func() error { return n.proofs.run(background) })
	g.Go(func() error { return ended(background, "analysts' port", analysts.run(background)) })
	g.Go(func() error { return ended(background, "spool", n.write.DeliverSpool(background)) })
	g.Go(func() error { return ended(background, "reconciler", n.write.RunReconciler(background)) })

	front, stopFront := context.WithCancel(ctx)
	defer stopFront()
	defer context.AfterFunc(background, stopFront)() // a part that broke takes the server down in order
	web := make(chan error, 1)
	go func() { web <- server.Listen(front, ln) }()

	if err := n.firstRun(front, sim, out); err != nil && front.Err() == nil {
		stopFront()
		<-web
		stopBackground()
		return errors.Join(err, g.Wait())
	}
	log.Info().Str("address", "http://"+cfg.HTTPAddr).Str("public_url", n.publicURL()).Str("data", cfg.DataDir).Msg("kipay is ready")
	err = <-web
	log.Info().Msg("stopping")
	stopBackground()
	return errors.Join(err, g.Wait())
}

// newServer is the web server with what the node's roles make it answer, and what closes it.
func (n *node) newServer(sim *sandbox) (_ *web.Server, stop func(), err error) {
	options := web.Options{
		Uploads: map[string]int{commands.ImportPath: commands.MaxImportBytes},
		Auth:    n.write, Log: n.log, Metrics: n.meter.registry, RateLimit: n.cfg.RateLimit, TrustedProxies: n.cfg.TrustedProxies,
		Forms: commands.TakesForm,
	}
	stop = func() {}
	if n.cfg.RedisURL != "" && n.cfg.Roles.has(roleAPI) {
		limits, err := newSharedLimits(n.cfg.RedisURL)
		if err != nil {
			return nil, nil, err
		}
		stop, options.RateStore = limits.close, limits
		n.meter.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kipay_redis_up", Help: "1 while Redis answers; while it doesn't, each node limits rates by itself.",
		}, limits.up))
	}
	server, err := web.New(options)
	if err != nil {
		stop()
		return nil, nil, err
	}
	n.registerHealth(server.Public())
	n.proofs.register(server.Public())
	if !n.cfg.Roles.has(roleAPI) {
		return server, stop, nil
	}
	n.write.RegisterAPI(server.API())
	source := n.source()
	readapi.Register(server.API(), readapi.Deps{
		Log: n.events, Reader: projections.NewReader(n.reads.conn, source), Projection: source, Seen: n.seen, Readings: n.write, Issuer: n.proofs.issuer, Opener: n.ring, TempDir: n.reads.temp, Imports: n.write,
	})
	n.write.RegisterDoors(n.doors(server))
	cardHosts := []string{"https://checkout.paystack.com"}
	if sim != nil {
		cardHosts = append(cardHosts, "http://"+n.cfg.SandboxAddr)
	}
	pages.Register(server.Public(), checkout{n.write}, pages.Options{
		PublicURL: n.publicURL(), CardHosts: cardHosts,
		Report: func(_ context.Context, err error) { n.log.Error().Err(err).Msg("checkout page") },
	})
	return server, stop, nil
}

// followLog keeps the write side's caches true; a lost subscription is taken up again.
func (n *node) followLog(ctx context.Context) {
	for {
		err := n.write.Follow(ctx)
		if ctx.Err() != nil {
			return
		}
		n.log.Warn().Err(err).Msg("caches can't follow the log; trying again")
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// watchStore ends the server when the event store has failed (a full or broken disk): nothing acknowledged is lost, and
// opening it again, which a supervisor does, is what recovers.
func (n *node) watchStore(ctx context.Context) error {
	if n.local == nil { // a server comes back by itself, and so does the connection to it; the spool's disk does not
		if n.write.Spool == nil {
			return nil
		}
		select {
		case <-n.write.Spool.Failed():
			return errors.New("the spool of providers' notices can't be written to; what is in it is safe; mend the disk, then start again")
		case <-ctx.Done():
			return nil
		}
	}
	select {
	case <-n.local.Failed():
		return fmt.Errorf("the event store stopped taking appends; nothing acknowledged is lost; mend the disk, then start again: %w", n.local.Stats().Failure)
	case <-ctx.Done():
		return nil
	}
}

// doors is where providers call: from anywhere, or from their networks only.
func (n *node) doors(server *web.Server) fiber.Router {
	if len(n.cfg.ProviderNets) == 0 {
		return server.Public()
	}
	return allowedDoors{server.Public(), web.AllowNetworks(n.cfg.ProviderNets)}
}

// allowedDoors puts a check before each door, and before nothing else of the public routes.
type allowedDoors struct {
	fiber.Router
	check fiber.Handler
}

// Post registers a door behind the check.
func (a allowedDoors) Post(path string, handlers ...fiber.Handler) fiber.Router {
	return a.Router.Post(path, append([]fiber.Handler{a.check}, handlers...)...)
}

// ended tells which part broke; a part that ended because it was told to is fine.
func ended(ctx context.Context, part string, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// reachable is an address that a browser on this machine can use.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
