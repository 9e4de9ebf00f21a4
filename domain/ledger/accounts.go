package ledger

// Account is a line of the chart of accounts. There is one of each for every merchant, mode and currency.
type Account string

// The chart of accounts.
const (
	// ProviderClearing is what stands at the providers: on a shortcode, or with Paystack until it is settled.
	ProviderClearing Account = "provider_clearing"
	// Bank is what arrived in the merchant's bank account.
	Bank Account = "bank"
	// Wallet is what arrived on the merchant's own till or phone.
	Wallet Account = "wallet"
	// PayoutsInTransit is what has left for a bank, till or phone and is not reported to have arrived.
	PayoutsInTransit Account = "payouts_in_transit"

	// MerchantPayable is what the operator owes to the merchant, where the money comes to the operator's pool.
	MerchantPayable Account = "merchant_payable"
	// RefundsPayable is what has been promised back to payers and not left yet.
	RefundsPayable Account = "refunds_payable"
	// Suspense is money that nobody can be credited with yet: more than was asked, another currency, an unknown payer.
	Suspense Account = "suspense"
	// FeesPayable is what the merchant owes to the operator, where the money comes to the merchant's own account.
	FeesPayable Account = "fees_payable"
	// TaxPayable is the tax on the operator's fees, in the operator's pool.
	TaxPayable Account = "tax_payable"

	// Sales is what payers paid to the merchant's own account, less what went back to them.
	Sales Account = "sales"
	// OwnFees is what the operator earns, in its pool.
	OwnFees Account = "own_fees"

	// ProviderFees is what providers took.
	ProviderFees Account = "provider_fees"
	// GatewayFees is what the merchant pays to the operator, where the money comes to the merchant's own account.
	GatewayFees Account = "gateway_fees"
	// WriteOff is what a person decided to let go.
	WriteOff Account = "write_off"
)

// Type is a kind of account.
type Type string

// The types. Assets and expenses grow by debits, liabilities and income by credits.
const (
	Asset     Type = "asset"
	Liability Type = "liability"
	Income    Type = "income"
	Expense   Type = "expense"
)

// Line is one account of the chart.
type Line struct {
	Account Account
	Type    Type
	Meaning string // one sentence, for people
}

// Chart is every account, in the order of a trial balance.
func Chart() []Line {
	return []Line{
		{ProviderClearing, Asset, "What stands at the providers: on a shortcode, or with Paystack until it is settled."},
		{Bank, Asset, "What arrived in the bank."},
		{Wallet, Asset, "What arrived on the merchant's own till or phone."},
		{PayoutsInTransit, Asset, "What has left for a bank, till or phone and is not reported to have arrived."},
		{MerchantPayable, Liability, "What the operator owes to the merchant, of money in its pool."},
		{RefundsPayable, Liability, "What has been promised back to payers and has not left."},
		{Suspense, Liability, "Money that nobody can be credited with yet: more than was asked, another currency, an unknown payer."},
		{FeesPayable, Liability, "What the merchant owes to the operator for payments to its own account."},
		{TaxPayable, Liability, "Tax on the operator's fees."},
		{Sales, Income, "What payers paid to the merchant's own account, less what went back to them."},
		{OwnFees, Income, "What the operator earned on money in its pool."},
		{ProviderFees, Expense, "What providers took."},
		{GatewayFees, Expense, "What the merchant pays to the operator for payments to its own account."},
		{WriteOff, Expense, "What a person decided to let go."},
	}
}

// TypeOf is the account's type, empty for one that is not in the chart.
func TypeOf(a Account) Type {
	for _, l := range Chart() {
		if l.Account == a {
			return l.Type
		}
	}
	return ""
}

// Balance is what debits and credits leave on an account of the type: positive on its usual side.
func (t Type) Balance(debit, credit int64) int64 {
	if t == Asset || t == Expense {
		return debit - credit
	}
	return credit - debit
}
