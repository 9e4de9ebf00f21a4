package mpesa

import "net/netip"

// PublicNetworks are the addresses that Daraja's callbacks come from, as published and listed by integrators; the last
// two stand in some lists only. They change without notice: a starting value for a setting, and never the only check.
func PublicNetworks() []netip.Prefix {
	hosts := [...]string{
		"196.201.214.200", "196.201.214.206", "196.201.213.114", "196.201.214.207", "196.201.214.208", "196.201.213.44",
		"196.201.212.127", "196.201.212.138", "196.201.212.129", "196.201.212.136", "196.201.212.74", "196.201.212.69",
		"196.201.212.128", "196.201.212.132",
	}
	nets := make([]netip.Prefix, len(hosts))
	for i, h := range hosts {
		nets[i] = netip.PrefixFrom(netip.MustParseAddr(h), 32)
	}
	return nets
}
