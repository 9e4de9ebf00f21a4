package commands

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
)

const routeCreateChannel = "payment-channels/create"

type createChannelAnswer struct {
	Status  string        `json:"status"`
	Message string        `json:"message"`
	Channel channelAnswer `json:"channel"`
}

// channelAnswer is a channel as it is answered: never its secrets.
type channelAnswer struct {
	ID          int64             `json:"id"`
	Name        string            `json:"name"`
	Provider    string            `json:"provider"`
	IsActive    bool              `json:"is_active"`
	IsDefault   bool              `json:"is_default"`
	CreatedAt   string            `json:"created_at"`
	Environment string            `json:"environment"`
	Currency    string            `json:"currency"`
	Funds       string            `json:"funds"`
	URLs        map[string]string `json:"urls"`
}

// createPaymentChannel opens a merchant's account at a provider.
func (w *WriteSide) createPaymentChannel(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	e := readChannel(b)
	if err := b.Err(); err != nil {
		return err
	}
	// The default is where live payments go that name no channel.
	if e.MakeDefault && who.Mode == domain.ModeTest && e.Environment == channel.Production {
		return domain.Forbiddenf("A test API key can't make a production channel the default")
	}
	e.Merchant = who.MerchantID
	idem, err := w.idempotencyOf(c, who, routeCreateChannel, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeCreateChannel, ids.Channel, func(ctx context.Context, in intent) (answer, error) {
		opened, err := w.openChannel(ctx, e, in.ID, in.Key, by)
		at = opened.position
		return opened.answer, err
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// openedChannel is what became of a request for a channel.
type openedChannel struct {
	answer   answer
	position eventstore.Position
}

// openChannel opens the channel under the id; it may be repeated with the same id and key.
func (w *WriteSide) openChannel(ctx context.Context, e newChannel, id channel.ID, key string, by By) (openedChannel, error) {
	e.ID, e.Idempotency, e.At = id, key, w.log.Now()
	if e.Provider == channel.Mpesa && e.Environment == channel.Production {
		if err := w.claimShortCode(ctx, e, by); err != nil {
			return openedChannel{}, err
		}
	}
	out, err := Handle[channel.State](ctx, w, channel.Stream(id), channel.Create{Created: e.Created}, by)
	if err != nil {
		return openedChannel{}, err
	}
	w.channels.put(channel.Stream(id), out)
	attached, err := w.AttachChannel(ctx, out.State, by)
	if err != nil {
		return openedChannel{}, err
	}
	s := out.State
	return openedChannel{position: max(out.Position, attached.Position), answer: answer{
		Status: fiber.StatusCreated, Subject: channel.Stream(id), Body: createChannelAnswer{
			Status: "success", Message: "Payment channel created successfully",
			Channel: channelAnswer{
				ID: id, Name: s.Name, Provider: string(s.Provider), IsActive: s.Active, IsDefault: attached.State.DefaultChannel == id,
				CreatedAt: stamp(s.At), Environment: string(s.Environment), Currency: string(s.Currency), Funds: string(s.Funds), URLs: w.channelURLs(s),
			},
		},
	}}, nil
}

// orphanAfter is when a shortcode is free again whose channel was never created: its request crashed in between.
const orphanAfter = time.Minute

// claimShortCode claims the production shortcode before its channel is created: a channel without it must not be. Errors:
// Conflict when another channel has it.
func (w *WriteSide) claimShortCode(ctx context.Context, e newChannel, by By) error {
	stream := channel.ShortCodeStream(e.Environment, e.receives())
	claim := channel.RouteShortCode{Environment: e.Environment, Number: e.receives(), Channel: e.ID, Merchant: e.Merchant, At: e.At}
	_, err := Handle[channel.ShortCodeState](ctx, w, stream, claim, by)
	if domain.CodeOf(err) != domain.CodeConflict {
		return err
	}
	owner, foldErr := fold[channel.ShortCodeState](ctx, w.log, stream)
	if foldErr != nil {
		return foldErr
	}
	ch, foldErr := fold[channel.State](ctx, w.log, channel.Stream(owner.State.Channel))
	if foldErr != nil {
		return foldErr
	}
	if ch.State.Exists() || e.At.Sub(owner.State.At) < orphanAfter {
		return err
	}
	claim.Abandoned = owner.State.Channel
	_, err = Handle[channel.ShortCodeState](ctx, w, stream, claim, by)
	return err
}

// AttachChannel notes the channel in its merchant's stream and makes it the default if it is to be. It may run twice.
func (w *WriteSide) AttachChannel(ctx context.Context, ch channel.State, by By) (Outcome[merchant.State], error) {
	stream := merchant.Stream(ch.Merchant)
	out, err := Handle[merchant.State](ctx, w, stream, merchant.AttachChannel{
		Merchant: ch.Merchant, Channel: ch.ID, MakeDefault: ch.MakeDefault, At: w.log.Now(),
	}, by)
	if err == nil {
		w.merchants.put(stream, out)
	}
	return out, err
}

// newChannel is a channel as it is asked for.
type newChannel struct{ channel.Created }

// receives is the number that customers' payments name: the till, or the shortcode.
func (e newChannel) receives() string {
	if e.TillNumber != "" {
		return e.TillNumber
	}
	return e.ShortCode
}

// readChannel reads and checks the body; config is checked by provider, every missing key named.
func readChannel(b *body) newChannel {
	e := newChannel{channel.Created{
		Name: b.required("name", maxName), Provider: channel.Provider(strings.ToLower(b.required("provider", 32))),
		Currency: money.KES, MakeDefault: b.flag("is_default"),
	}}
	config := &body{}
	if raw := b.raw("config"); raw == nil {
		b.Add("config", "is required")
	} else if json.Unmarshal(raw, &config.fields) != nil || config.fields == nil {
		b.Add("config", "must be an object")
	}
	switch {
	case b.Has("provider"):
	case e.Provider != channel.Mpesa && e.Provider != channel.Paystack:
		b.Add("provider", "must be mpesa or paystack")
	case b.Has("config"):
	case e.Provider == channel.Mpesa:
		e.readMpesa(config)
	default:
		e.readPaystack(config)
	}
	if f, ok := fee.ParseFunds(b.text("funds", 16)); ok {
		e.Funds = f
	} else {
		b.Add("funds", "must be merchant or pool")
	}
	for field, what := range config.Fields() {
		b.Add("config."+field, what)
	}
	if s := b.text("currency", 8); s != "" {
		cur, err := money.ParseCurrency(s)
		switch {
		case err != nil:
			b.Add("currency", "must be one of KES (or KSH), NGN, GHS, ZAR, USD")
		case e.Provider == channel.Mpesa && cur != money.KES:
			b.Add("currency", "must be KES for M-Pesa")
		default:
			e.Currency = cur
		}
	}
	return e
}

func (e *newChannel) readMpesa(b *body) {
	e.Environment = channel.Environment(b.required("environment", 16))
	if e.Environment != "" && e.Environment != channel.Sandbox && e.Environment != channel.Production {
		b.Add("environment", "must be sandbox or production")
	}
	e.Secrets.ConsumerKey = domain.Personal(b.required("consumer_key", maxSecret))
	e.Secrets.ConsumerSecret = domain.Personal(b.required("consumer_secret", maxSecret))
	e.Secrets.Passkey = domain.Personal(b.required("passkey", maxSecret))
	e.ShortCode = b.digits("shortcode", 5, 7, true)
	e.TillNumber = b.digits("till_number", 5, 9, false)
	e.Strict = b.flag("strict")
	e.Secrets.InitiatorName = domain.Personal(b.text("initiator_name", maxSecret))
	e.Secrets.SecurityCredential = domain.Personal(b.text("security_credential", maxCredential))
	if (e.Secrets.InitiatorName == "") != (e.Secrets.SecurityCredential == "") {
		b.Add("security_credential", "and initiator_name are needed together")
	}
}

func (e *newChannel) readPaystack(b *body) {
	public, secret := b.required("public_key", maxSecret), b.required("secret_key", maxSecret)
	e.Secrets.PublicKey, e.Secrets.SecretKey = domain.Personal(public), domain.Personal(secret)
	switch {
	case strings.HasPrefix(secret, "sk_test_"):
		e.Environment = channel.Sandbox
	case strings.HasPrefix(secret, "sk_live_"):
		e.Environment = channel.Production
	case secret != "":
		b.Add("secret_key", "must start with sk_test_ or sk_live_")
	}
	if public != "" && !strings.HasPrefix(public, "pk_test_") && !strings.HasPrefix(public, "pk_live_") {
		b.Add("public_key", "must start with pk_test_ or pk_live_")
	}
	if strings.HasPrefix(public, "pk_test_") && strings.HasPrefix(secret, "sk_live_") || strings.HasPrefix(public, "pk_live_") && strings.HasPrefix(secret, "sk_test_") {
		b.Add("public_key", "is of another mode than secret_key")
	}
}

// digits is a text or number of so many digits.
func (b *body) digits(name string, least, most int, required bool) string {
	v := b.raw(name)
	if v == nil {
		if required {
			b.Add(name, "is required")
		}
		return ""
	}
	s := string(v)
	if v[0] == '"' {
		s = b.text(name, 32)
	}
	if s == "" && !required {
		return ""
	}
	if len(s) < least || len(s) > most || strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
		b.Addf(name, "must have %d to %d digits", least, most)
		return ""
	}
	return s
}

// channelURLs are the URLs that the provider must be given. Their tokens are the channel's: nobody else can make them.
func (w *WriteSide) channelURLs(ch channel.State) map[string]string {
	if ch.Provider == channel.Paystack {
		return map[string]string{"webhook": w.PublicURL + "/hooks/card/" + itoa(ch.ID) + "/" + w.derive.token("card", itoa(ch.ID))}
	}
	base := w.PublicURL + "/hooks/c2b/" + itoa(ch.ID) + "/" + w.derive.token("c2b", itoa(ch.ID))
	return map[string]string{"confirmation": base + "/confirmation", "validation": base + "/validation"}
}

// CreateChannelFor opens a channel for a merchant from the same JSON that the API takes. Errors: Invalid, Malformed.
func (w *WriteSide) CreateChannelFor(ctx context.Context, merchantID int64, raw []byte) error {
	b := &body{}
	if err := json.Unmarshal(raw, &b.fields); err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "The channel is not valid JSON", Err: err}
	}
	e := readChannel(b)
	if err := b.Err(); err != nil {
		return err
	}
	id, err := w.draw(ctx, ids.Channel)
	if err != nil {
		return err
	}
	e.Merchant = merchantID
	_, err = w.openChannel(ctx, e, id, "", By{Actor: byOperator, Merchant: merchantID})
	return err
}
