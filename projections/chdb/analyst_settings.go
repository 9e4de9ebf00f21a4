package chdb

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// analystShare says which part of the engine's memory a statement of an analyst may use.
const analystShare = 6

// analystReading are the settings of the connection that looks things up.
func analystReading(memory int64) map[string]string {
	return map[string]string{
		"readonly": "1", "max_threads": "1", "max_execution_time": "10", "max_query_size": strconv.Itoa(maxParsed),
		"max_memory_usage": strconv.FormatInt(memory/analystShare, 10),
	}
}

// analystRunning are the settings of the connections that analysts' statements run on, whatever a request asks for.
func analystRunning(memory int64) map[string]string {
	return map[string]string{
		"readonly":         "1",
		"max_threads":      "1", // the other cores are for payments
		"max_memory_usage": strconv.FormatInt(memory/analystShare, 10),
		"max_query_size":   strconv.Itoa(maxParsed),
		// Nothing spills to disk: what doesn't fit in memory fails.
		"max_bytes_ratio_before_external_group_by":  "0",
		"max_bytes_ratio_before_external_sort":      "0",
		"max_bytes_ratio_before_external_join":      "0",
		"max_temporary_data_on_disk_size_for_query": "1",
		// One call of a function cannot be stopped: it must not have too much to do.
		"function_range_max_elements_in_block": "10000000",
		"max_hyperscan_regexp_length":          "1000",
		"max_hyperscan_regexp_total_length":    "10000",
		"max_subquery_depth":                   "30",
		"use_query_cache":                      "0",
	}
}

// analystSettings are what a request may set: how results look, and nothing that reaches files, other servers, limits or
// the filters of its session.
var analystSettings = []string{
	"date_time_output_format", "session_timezone", "join_use_nulls", "prefer_column_name_to_alias",
	"output_format_json_quote_64bit_integers", "output_format_json_quote_denormals", "output_format_json_quote_decimals",
	"output_format_json_named_tuples_as_objects", "output_format_json_array_of_rows", "output_format_csv_crlf_end_of_line",
	"output_format_tsv_crlf_end_of_line", "output_format_decimal_trailing_zeros", "output_format_pretty_color",
	"output_format_pretty_max_rows", "output_format_binary_write_json_as_string", "output_format_native_write_json_as_string",
	"format_csv_delimiter", "format_csv_null_representation", "format_tsv_null_representation",
}

// maxHeld bounds what of an answer waits for its end when a request asks for that: never the whole of any size, which would
// have to lie in memory.
const maxHeld = 8 << 20

// maxBlockRows bounds the rows of a block that a request may ask for.
const maxBlockRows = 65_536

func readAnalystSettings(req *request, query url.Values) error {
	for name, values := range query {
		value := values[len(values)-1]
		bound, isParameter := strings.CutPrefix(name, "param_")
		switch {
		case strings.ContainsRune(value, 0):
			return refuse(codeBadArguments, "BAD_ARGUMENTS", "%s has a NUL in its value", strconv.Quote(name))
		case isParameter:
			req.params = append(req.params, Param{bound, value})
		case name == "client_protocol_version":
			req.revision, _ = strconv.ParseUint(value, 10, 32) // 0, the oldest, when it is no number
		case name == "max_execution_time":
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil || !(seconds >= 0 && seconds < 1e6) {
				return refuse(codeBadArguments, "BAD_ARGUMENTS", "max_execution_time is not a number of seconds")
			}
			if asked := time.Duration(seconds * float64(time.Second)); asked > 0 {
				req.timeout = min(req.timeout, asked)
			}
		case name == "max_block_size":
			if n, err := strconv.ParseUint(value, 10, 64); err != nil || n == 0 || n > maxBlockRows {
				return refuse(codeBadArguments, "BAD_ARGUMENTS", "max_block_size is not 1 to %d", maxBlockRows)
			}
			req.session.settings[name] = value
		case notSettings[name]:
		case slices.Contains(analystSettings, name):
			req.session.settings[name] = value
		default:
			return refuse(codeReadonly, "READONLY", "Cannot modify %s setting in readonly mode", strconv.Quote(name))
		}
	}
	return nil
}
