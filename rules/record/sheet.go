package record

// workbook is what the parts of one spreadsheet have in common.
type workbook struct{}

func (b *workbook) part(g *grouper, head []byte) scanner { return nil }
