package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/commands/mpesa"
	mpesasim "github.com/benfex/kipay/commands/mpesa/simulator"
	"github.com/benfex/kipay/commands/paystack"
	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// Where the two simulators are on the sandbox's address.
const (
	darajaPath   = "/daraja"
	paystackPath = "/paystack"
)

// openingBalance is what stands on every simulated shortcode at first, in shillings: payouts need something to go out of.
const openingBalance = 1_000_000

// sandbox is the two simulators on one address.
type sandbox struct {
	daraja   *mpesasim.Simulator
	paystack *paystacksim.Simulator
	base     string // where a browser finds it
	listener net.Listener
	server   *http.Server
	fresh    []byte // the key of simulated M-Pesa, where the data folder has none yet
}

// sandboxOptions say how the simulators run.
type sandboxOptions struct {
	addr        string
	addrSetting string // what the address was set by
	speed       float64
	log         *slog.Logger
	webhookURL  func(secretKey string) string // finds where a Paystack key's webhooks go; may be nil
	callbacksTo []netip.Prefix                // where callbacks may go; anywhere when empty

	initiatorKey *rsa.PrivateKey // of simulated M-Pesa; a new one when nil
}

// newSandbox is the sandbox inside `kipay serve`.
func newSandbox(ctx context.Context, cfg *config, log *slog.Logger, webhookURL func(secretKey string) string) (*sandbox, error) {
	key, fresh, err := sandboxInitiatorKey(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := openSandbox(ctx, sandboxOptions{
		addr: cfg.SandboxAddr, addrSetting: "KIPAY_SANDBOX_ADDR", speed: cfg.SandboxSpeed, log: log, webhookURL: webhookURL, initiatorKey: key,
	})
	if err == nil {
		s.fresh = fresh
	}
	return s, err
}

// keepKey keeps the key of simulated M-Pesa in the data folder, which is this process's own by now.
func (s *sandbox) keepKey(dir string) error {
	if len(s.fresh) == 0 {
		return nil
	}
	if err := writePrivate(filepath.Join(dir, sandboxKeyFile), string(s.fresh)); err != nil {
		return fmt.Errorf("the sandbox's key: %w", err)
	}
	return nil
}

// sandboxKeyFile keeps the key of simulated M-Pesa that initiators' passwords are encrypted for: the channels have theirs in the
// log, and must still be believed after a restart.
const sandboxKeyFile = "sandbox-initiator.pem"

// sandboxInitiatorKey reads the key from the data folder, or draws the one that is to be kept there.
func sandboxInitiatorKey(dir string) (key *rsa.PrivateKey, fresh []byte, err error) {
	path := filepath.Join(dir, sandboxKeyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := mpesasim.NewInitiatorKey()
		return key, pem.EncodeToMemory(&pem.Block{Type: sandboxKeyType, Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the sandbox's key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != sandboxKeyType {
		return nil, nil, fmt.Errorf("%s is no key: take it away, and give the channels of the sandbox their initiators again", path)
	}
	if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
		return nil, nil, fmt.Errorf("%s: %w; take it away, and give the channels of the sandbox their initiators again", path, err)
	}
	return key, nil, nil
}

const sandboxKeyType = "RSA PRIVATE KEY"

// openSandbox listens.
func openSandbox(ctx context.Context, o sandboxOptions) (*sandbox, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return nil, portTaken(o.addrSetting, o.addr, err)
	}
	base := "http://" + reachable(ln.Addr())
	s := &sandbox{
		daraja: mpesasim.New(mpesasim.Options{
			Speed: o.speed, Logger: o.log, AllowBannedWords: true, HTTPClient: deliveryClient(o.callbacksTo), OpeningBalance: openingBalance,
			InitiatorKey: o.initiatorKey,
		}),
		paystack: paystacksim.New(paystacksim.Options{
			Speed: o.speed, Logger: o.log, PublicURL: base + paystackPath, WebhookURLFor: o.webhookURL, HTTPClient: deliveryClient(o.callbacksTo),
		}),
		base: base, listener: ln,
	}
	mux := http.NewServeMux()
	mux.Handle(darajaPath+"/", http.StripPrefix(darajaPath, s.daraja.Handler()))
	mux.Handle(paystackPath+"/", http.StripPrefix(paystackPath, s.paystack.Handler()))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "Kipay sandbox\n\nM-Pesa (Daraja): %s%s/\nPaystack:        %s%s/\n", base, darajaPath, base, paystackPath)
	})
	s.server = &http.Server{Handler: guardScripts(ln.Addr(), mux), ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

// run serves and delivers until ctx ends.
func (s *sandbox) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.daraja.Run(ctx) })
	g.Go(func() error { return s.paystack.Run(ctx) })
	g.Go(func() error {
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("sandbox: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return s.server.Close()
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// portTaken says what to do about an address that can't be listened on.
func portTaken(setting, addr string, err error) error {
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%s is in use by another program: stop it, or choose another address with %s", addr, setting)
	}
	return fmt.Errorf("can't listen on %s (%s): %w", addr, setting, err)
}

func publishedNetworks() []netip.Prefix {
	return append(mpesa.PublicNetworks(), paystack.PublicNetworks()...)
}

func sandboxCommand() *cobra.Command {
	var addr, speed, webhooks, callbacks string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the simulators of M-Pesa and Paystack on their own",
		Long: `Run the simulators of Safaricom Daraja and Paystack on their own, for integrators' tests. They speak the providers'
HTTP protocols and are as strict. Magic phone numbers and cards choose the outcome.

Callbacks go to the URLs that requests name, as with the providers. Whoever reaches the sandbox can make it post to any
address that it reaches itself, so keep it on a loopback address, or list where it may post with --callbacks-to.`,
		Example: `  kipay sandbox --addr 127.0.0.1:8090 --speed 10
  kipay sandbox --webhook-url http://127.0.0.1:8080/paystack/webhook
  KIPAY_MPESA_SANDBOX_URL=http://127.0.0.1:8090/daraja KIPAY_PAYSTACK_URL=http://127.0.0.1:8090/paystack kipay serve`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(os.Stderr, nil))
			o, err := readSandboxOptions(addr, speed, webhooks, callbacks)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			o.log = log
			s, err := openSandbox(cmd.Context(), o)
			if err != nil {
				return err
			}
			if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && len(o.callbacksTo) == 0 {
				log.Warn("the sandbox listens beyond this machine: anyone who reaches it can script it, and have it post to any address that it reaches; list where it may post with --callbacks-to", "addr", tcp.String())
			}
			out := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(out, "M-Pesa (Daraja) %s%s\nPaystack        %s%s\n", s.base, darajaPath, s.base, paystackPath)
			if webhooks == "" {
				_, _ = fmt.Fprint(out, "Webhooks        nowhere yet: --webhook-url says where those of Paystack go\n")
			}
			_, _ = fmt.Fprintln(out)
			printMagic(out, true)
			return s.run(cmd.Context())
		}),
	}
	cmd.Flags().StringVar(&addr, "addr", "", "address to listen on (KIPAY_SANDBOX_ADDR, default 127.0.0.1:8090)")
	cmd.Flags().StringVar(&speed, "speed", "", "how many times faster than the providers (KIPAY_SANDBOX_SPEED, default 1)")
	cmd.Flags().StringVar(&webhooks, "webhook-url", "", "where Paystack's webhooks go, whatever the key; nowhere when empty")
	cmd.Flags().StringVar(&callbacks, "callbacks-to", "", "networks that callbacks and webhooks may go to, as addresses or CIDR, separated by commas; any when empty")
	return cmd
}

// readSandboxOptions reads the flags of `kipay sandbox`, and the settings that `kipay serve` has for the same.
func readSandboxOptions(addr, speed, webhooks, callbacks string) (o sandboxOptions, err error) {
	c := &config{}
	for _, s := range settings() {
		given, from := "", ""
		switch s.name {
		case "SANDBOX_ADDR":
			given, from = addr, "--addr"
		case "SANDBOX_SPEED":
			given, from = speed, "--speed"
		default:
			continue
		}
		if given == "" {
			if given, from = os.Getenv(s.env()), s.env(); given == "" {
				given = s.value
			}
		}
		if s.name == "SANDBOX_ADDR" {
			o.addrSetting = from
		}
		if err := s.set(c, given); err != nil {
			return o, fmt.Errorf("%s: %w", from, err)
		}
	}
	o.addr, o.speed = c.SandboxAddr, c.SandboxSpeed
	if webhooks != "" {
		if err := checkURL(webhooks); err != nil {
			return o, fmt.Errorf("--webhook-url: %w", err)
		}
		o.webhookURL = func(string) string { return webhooks }
	}
	if o.callbacksTo, err = parseNetworks(callbacks); err != nil {
		return o, fmt.Errorf("--callbacks-to: %w", err)
	}
	return o, nil
}
