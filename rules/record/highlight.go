package record

import "bytes"

// highlights are the tags that search engines put around what matched in a value,
// by default (Elasticsearch, OpenSearch, Algolia, Meilisearch, Typesense, Solr).
var highlights = [...][]byte{[]byte("<em>"), []byte("</em>"), []byte("<mark>"), []byte("</mark>")}

// highlit reports whether a search engine put tags around a part of a value.
func highlit(v []byte) bool {
	for _, tag := range highlights {
		if bytes.Contains(v, tag) {
			return true
		}
	}
	return false
}

// plainHit appends v to room without the tags of a search engine around the parts
// that matched, which would cut an address in two: <em>ada</em>.lund@mail.example.
func plainHit(room, v []byte) []byte {
next:
	for len(v) > 0 {
		at := bytes.IndexByte(v, '<')
		if at < 0 {
			break
		}
		room, v = append(room, v[:at]...), v[at:]
		for _, tag := range highlights {
			if bytes.HasPrefix(v, tag) {
				v = v[len(tag):]
				continue next
			}
		}
		room, v = append(room, '<'), v[1:]
	}
	return append(room, v...)
}
