package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/spool"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

// Options are what the write side is made of.
type Options struct {
	Log      *eventstore.Log
	Ring     *eventstore.Keyring
	Seen     *eventstore.Seen
	Mpesa    *mpesa.Client
	Paystack *paystack.Client
	Random   io.Reader
	Logger   zerolog.Logger
	// PublicURL is where payers and providers reach this install, without a slash at the end.
	PublicURL string
	// CheckoutWindow is how long a checkout waits for its payment, PushWindow how long a push is asked after.
	CheckoutWindow, PushWindow time.Duration
	// C2BWait is how long a customer's payment that fits a pending push waits for that push's own evidence.
	C2BWait time.Duration
	// SimulateWait is how long simulate-c2b waits for the confirmation.
	SimulateWait time.Duration
	// Spool keeps notices of providers while the event store is away; nil where the event store is this process's own.
	Spool *spool.Spool
	// Probe is how often Follow makes sure that it still hears of every change; zero where the log is this process's own.
	Probe time.Duration
	// Books finds what statements are compared with; nil where no statements are taken.
	Books Books
	// StagingDir is where files are kept while they are read, without names; empty for the system's.
	StagingDir string
	// Observe counts what happens, for metrics; may be nil.
	Observe func(event string)
	// Payments finds a customer's payments; nil reads the log for them.
	Payments PaymentIndex
}

// WriteSide carries out commands.
type WriteSide struct {
	Options
	log     *eventstore.Log
	seen    *eventstore.Seen
	derive  *deriver
	drawers map[ids.Kind]*idDrawer
	twins   turns // by idempotency key

	reconciler *reconciler

	trust     trust
	keys      *cache[merchant.KeyState]
	merchants *cache[merchant.State]
	channels  *cache[channel.State]
	customers *cache[customer.State]
	imports   *importCache
}

// New is a write side. It reads (or makes) the install's derivation key.
func New(ctx context.Context, o Options) (*WriteSide, error) {
	key, err := o.Ring.Secret(ctx, "derivation")
	if err != nil {
		return nil, fmt.Errorf("derivation key: %w", err)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	w := &WriteSide{
		Options: o, log: o.Log, seen: o.Seen, derive: newDeriver(key), drawers: map[ids.Kind]*idDrawer{},
		keys: newCache[merchant.KeyState](), merchants: newCache[merchant.State](),
		channels: newCache[channel.State](), customers: newCache[customer.State](), imports: newImportCache(), reconciler: newReconciler(),
	}
	if o.Probe > 0 {
		believed := func() bool { return w.trust.holds(w.log.Now()) }
		w.keys.believed, w.merchants.believed, w.channels.believed, w.customers.believed = believed, believed, believed, believed
	}
	for _, k := range []ids.Kind{ids.Merchant, ids.Channel, ids.Customer, ids.Transaction, ids.Refund, ids.Statement, ids.Hold, ids.Payout} {
		w.drawers[k] = &idDrawer{kind: k}
	}
	return w, nil
}

// RegisterAPI adds the write side's routes below /api, where the caller is known.
func (w *WriteSide) RegisterAPI(r fiber.Router) {
	r.Post("/transactions/initialize", w.initializeTransaction)
	r.Post("/customers/create", w.createCustomer)
	r.Post("/customers/:id/erase", w.eraseCustomer)
	r.Post("/payment-channels/create", w.createPaymentChannel)
	r.Post("/mpesa/stk-push", w.stkPush)
	r.Post("/mpesa/register-c2b-urls", w.registerC2BURLs)
	r.Post("/mpesa/simulate-c2b", w.simulateC2B)
	r.Post("/periods/close", w.closePeriod)
	r.Post("/refunds/create", w.createRefund)
	r.Post("/disputes/:id/evidence", w.giveEvidence)
	r.Post("/disputes/:id/accept", w.acceptDispute)
	r.Post("/disputes/:id/decline", w.declineDispute)
	r.Post("/reconciliation/imports", w.importStatement)
	r.Post("/reconciliation/items/:id/resolve", w.resolveDifference)
	r.Post("/reconciliation/items/:id/reopen", w.reopenDifference)
	r.Post("/reconciliation/items/:id/ask", w.askAboutDifference)
	r.Post("/payouts/create", w.createPayout)
	r.Post("/payouts/:reference/approve", w.approvePayout)
	r.Post("/payouts/:reference/reject", w.rejectPayout)
	r.Post("/payouts/:reference/record", w.recordPayout)
}

// RegisterDoors adds the routes that providers call. Each exists without any word that Daraja refuses in a URL.
func (w *WriteSide) RegisterDoors(r fiber.Router) {
	w.doors(r, w.spooled)
}

// doors adds them, each behind what keeps its notices while the event store is away.
func (w *WriteSide) doors(r fiber.Router, kept func(door fiber.Handler, ack string) fiber.Handler) {
	r.Post("/hooks/push/:reference/:attempt/:token", kept(w.stkResultDoor, mpesa.AckBody))
	r.Post("/hooks/refund/:reference/:refund/:token/result", kept(w.refundResultDoor, mpesa.AckBody))
	r.Post("/hooks/refund/:reference/:refund/:token/status", kept(w.refundStatusDoor, mpesa.AckBody))
	r.Post("/hooks/refund/:reference/:refund/:token/timeout", kept(w.refundTimeoutDoor, mpesa.AckBody))
	r.Post("/hooks/payout/:reference/:token/result", kept(w.payoutResultDoor, mpesa.AckBody))
	r.Post("/hooks/payout/:reference/:token/status", kept(w.payoutStatusDoor, mpesa.AckBody))
	r.Post("/hooks/payout/:reference/:token/timeout", kept(w.payoutTimeoutDoor, mpesa.AckBody))
	r.Post("/hooks/pull/:channel/:token", w.pullDoor)
	r.Post("/hooks/receipt/:channel/:number/:token/result", kept(w.receiptStatusDoor, mpesa.AckBody))
	r.Post("/hooks/receipt/:channel/:number/:token/timeout", w.receiptTimeoutDoor)
	r.Post("/hooks/c2b/:channel/:token/confirmation", kept(w.c2bConfirmationDoor, mpesa.ConfirmationAck))
	r.Post("/hooks/c2b/:channel/:token/validation", w.c2bValidationDoor)
	for _, prefix := range []string{"/mpesa", "/hooks/c2b"} {
		r.Post(prefix+"/confirmation", kept(w.c2bOpenConfirmationDoor, mpesa.ConfirmationAck))
		r.Post(prefix+"/validation", w.c2bOpenValidationDoor)
	}
	r.Post("/hooks/card/:channel/:token", kept(w.paystackChannelDoor, webhookAck))
	r.Post("/paystack/webhook", kept(w.paystackOpenDoor, webhookAck))
}

// caller is who is calling, which the web layer has made sure of, with a key that may write. Errors: Unauthorized, Forbidden.
func caller(c *fiber.Ctx) (domain.Caller, By, error) { return callerWith(c, domain.ScopeWrite) }

// callerWith is caller for what takes a key with one of the scopes.
func callerWith(c *fiber.Ctx, scopes ...string) (domain.Caller, By, error) {
	who, ok := domain.CallerFrom(c.UserContext())
	if !ok {
		return who, By{}, &domain.Error{Code: domain.CodeUnauthorized, Message: "Invalid API key"}
	}
	if !slices.ContainsFunc(scopes, who.May) {
		return who, By{}, domain.Forbiddenf("This API key may not %s: it was issued without that scope", strings.Join(scopes, " or "))
	}
	return who, byCaller(c.UserContext(), who), nil
}

// byCaller is the caller as the one who does something.
func byCaller(ctx context.Context, who domain.Caller) By {
	req := domain.RequestFrom(ctx)
	return By{Actor: "key:" + who.KeyID, Merchant: who.MerchantID, Correlation: req.ID, Causation: req.ID, From: req.IP}
}

// channelOf is a channel of the merchant; NotFound when it is another's.
func (w *WriteSide) channelOf(ctx context.Context, merchantID int64, id channel.ID) (channel.State, error) {
	out, err := w.channels.get(ctx, w.log, channel.Stream(id))
	if err != nil {
		return channel.State{}, err
	}
	if !out.State.Exists() || out.State.Merchant != merchantID {
		return channel.State{}, domain.NotFoundf("payment channel not found")
	}
	return out.State, nil
}

// pickChannel is the channel that a request names, or the merchant's default. Errors: Invalid on payment_channel_id.
func (w *WriteSide) pickChannel(ctx context.Context, who domain.Caller, id int64) (channel.State, error) {
	if id == 0 {
		m, err := w.merchants.get(ctx, w.log, merchant.Stream(who.MerchantID))
		if err != nil {
			return channel.State{}, err
		}
		if id = m.State.DefaultChannel; id == 0 {
			return channel.State{}, domain.Invalid("payment_channel_id", "is required: no default payment channel exists")
		}
	}
	ch, err := w.channelOf(ctx, who.MerchantID, id)
	switch {
	case domain.CodeOf(err) == domain.CodeNotFound:
		return ch, domain.Invalid("payment_channel_id", "does not exist")
	case err != nil:
		return ch, err
	case !ch.Active:
		return ch, domain.Invalid("payment_channel_id", "is not active")
	}
	return ch, nil
}

// mayCharge tells whether a key of this mode may take money through the channel.
func mayCharge(who domain.Caller, ch channel.State) error {
	if who.Mode == ch.Mode() {
		return nil
	}
	if who.Mode == domain.ModeTest {
		return domain.Forbiddenf("A test API key can't take payments through a production channel")
	}
	return domain.Forbiddenf("A live API key can't take payments through a sandbox channel")
}

// answerPosition tells the client how far the log had come with this write.
func answerPosition(c *fiber.Ctx, p eventstore.Position) {
	if p > 0 {
		c.Set("X-Kipay-Position", itoa(int64(p)))
	}
}

func (w *WriteSide) observe(event string) {
	if w.Observe != nil {
		w.Observe(event)
	}
}
