package proxy

import (
	"net/http"
	"path"
	"strings"

	"github.com/ordergate/ordergate/rules/record"
)

// readable are the endings of files that the finder reads.
var readable = map[string]bool{
	".pdf": true, ".csv": true, ".tsv": true, ".txt": true, ".json": true, ".xml": true, ".html": true, ".htm": true, ".sql": true,
	".xlsx": true, ".docx": true, ".ods": true, ".odt": true, ".zip": true, ".gz": true, ".tar": true, ".tgz": true, ".vcf": true, ".eml": true,
}

// wholeOnly asks the platform for the whole of what may hold records: a record
// that is cut into ranges could not be seen. Any server may ignore a range (RFC
// 9110, 14.2), so every client takes the whole. Films and sounds, which some
// browsers play by range only, keep theirs.
func (x *exchange) wholeOnly(out *http.Request) {
	if out.Header.Get("Range") == "" {
		return
	}
	if readable[strings.ToLower(path.Ext(x.path))] || x.gateway.routes.has(x.route) || len(record.NamedOrders(x.path, out.URL.RawQuery, x.hasher)) > 0 {
		out.Header.Del("Range")
		out.Header.Del("If-Range")
	}
}
