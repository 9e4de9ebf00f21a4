package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
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

// sandbox is the two simulators on one address.
type sandbox struct {
	daraja   *mpesasim.Simulator
	paystack *paystacksim.Simulator
	listener net.Listener
	server   *http.Server
}

// newSandbox listens. webhookURL finds where a Paystack key's webhooks go; it may be nil.
func newSandbox(ctx context.Context, addr string, speed float64, log *slog.Logger, webhookURL func(secretKey string) string) (*sandbox, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, portTaken("KIPAY_SANDBOX_ADDR", addr, err)
	}
	base := "http://" + ln.Addr().String()
	s := &sandbox{
		daraja:   mpesasim.New(mpesasim.Options{Speed: speed, Logger: log, AllowBannedWords: true}),
		paystack: paystacksim.New(paystacksim.Options{Speed: speed, Logger: log, PublicURL: base + paystackPath, WebhookURLFor: webhookURL}),
		listener: ln,
	}
	mux := http.NewServeMux()
	mux.Handle(darajaPath+"/", http.StripPrefix(darajaPath, s.daraja.Handler()))
	mux.Handle(paystackPath+"/", http.StripPrefix(paystackPath, s.paystack.Handler()))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "Kipay sandbox\n\nM-Pesa (Daraja): %s%s/\nPaystack:        %s%s/\n", base, darajaPath, base, paystackPath)
	})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
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
	var addr string
	var speed float64
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the simulators of M-Pesa and Paystack on their own",
		Long: `Run the simulators of Safaricom Daraja and Paystack on their own, for integrators' tests. They speak the providers'
HTTP protocols and are as strict. Magic phone numbers and cards choose the outcome.`,
		Example: `  kipay sandbox --addr 127.0.0.1:8090 --speed 10
  KIPAY_MPESA_SANDBOX_URL=http://127.0.0.1:8090/daraja KIPAY_PAYSTACK_URL=http://127.0.0.1:8090/paystack kipay serve`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			s, err := newSandbox(cmd.Context(), addr, speed, slog.New(slog.NewTextHandler(os.Stderr, nil)), nil)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			base := "http://" + s.listener.Addr().String()
			_, _ = fmt.Fprintf(out, "M-Pesa (Daraja) %s%s\nPaystack        %s%s\n\n", base, darajaPath, base, paystackPath)
			printMagic(out, true)
			return s.run(cmd.Context())
		}),
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8090", "address to listen on")
	cmd.Flags().Float64Var(&speed, "speed", 1, "how many times faster than the providers")
	return cmd
}
