package recall

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// locale is a country's customs: names, streets, towns, telephone numbers,
// dates, official numbers.
type locale struct {
	code     string
	language string   // of its labels
	keys     []string // vocabularies of its own language
	first    []string
	last     []string
	streets  []string
	lines    []string // how street {s} and number {n} make a line
	towns    []string // town|postcode pattern|region
	after    bool     // the postcode stands after the town
	phones   []string // # a digit, % a digit from 1 to 9
	dates    string   // layout of a national date
	family   bool     // the family name stands first
	official func(*rand.Rand) string
}

func list(s string) []string { return strings.Split(s, "|") }

var locales = []*locale{
	{
		code: "AU", language: "en", first: list("Olivia|Jack|Charlotte|Noah|Matilda|Lachlan|Isla|Cooper"),
		last:    list("Nguyen|O'Brien|Mitchell|Kelly|Papadopoulos|Whitlam|Doyle|Fraser-Hughes"),
		streets: list("Wattle Street|Collins Street|Great Western Highway|Bourke Rd|Ocean Parade|Jacaranda Crescent"),
		lines:   list("{n} {s}|{n} {s}|Unit 3/{n} {s}|2/{n} {s}"), towns: list("Melbourne|3###|VIC|Sydney|2###|NSW|Toowoomba|4###|QLD"), after: true,
		phones: list("04## ### ###|+61 4## ### ###|(02) 9### ####|04########|03 9### ####"), dates: "02/01/2006", official: tfn,
	},
	{
		code: "US", language: "en", first: list("Emma|Liam|Ava|Ethan|Mia|Logan|Zoe|Tyrone"),
		last:    list("Johnson|Garcia|Washington|Kowalczyk|McAllister|Nakamura|Thompson|St. James"),
		streets: list("Maple Avenue|Oak St|Washington Blvd|Sunset Drive|5th Ave|Martin Luther King Jr Way"),
		lines:   list("{n} {s}|{n} {s}|{n} {s} Apt 4B|{n} {s}, Suite 210"), towns: list("Portland|97###|OR|Austin|787##|TX|Springfield|62###-####|IL"), after: true,
		phones: list("(2%#) 5##-####|+1 2%# 5## ####|2%#-5##-####|1-2%#-5##-####|2%#.5##.####"), dates: "01/02/2006", official: ssn,
	},
	{
		code: "UK", language: "en", first: list("Oliver|Amelia|Harry|Isla|George|Siân|Callum|Priya"),
		last:    list("Smythe|Davies|Campbell|Okafor|Llewellyn|Ashworth-Bell|Hughes|McGregor"),
		streets: list("High Street|Church Lane|Victoria Road|The Green|Station Rd|King's Terrace"),
		lines:   list("{n} {s}|{n} {s}|Flat 2, {n} {s}|{n}b {s}"), towns: list("London|SW1A %AA|Greater London|Leeds|LS# %BD|West Yorkshire|Norwich|NR%# %QT|Norfolk"), after: true,
		phones: list("07700 9#####|+44 7700 9#####|020 7946 0###|0113 496 0###|07### ######"), dates: "02/01/2006", official: nino,
	},
	{
		code: "DE", language: "de", keys: list("deutsch|türkisch"), first: list("Jürgen|Katrin|Björn|Annegret|Mareike|Stefan|Zoë|Hans-Peter"),
		last:    list("Müller|Schröder|von der Heide|Groß|Weiß|Kleinschmidt|Bäcker|Meyer-Lüdenscheid"),
		streets: list("Pfarrer-Kneipp-Str.|Hauptstraße|Am Mühlbach|Lindenweg|Goethestr.|An der alten Ziegelei"),
		lines:   list("{s} {n}|{s} {n}|{s} {n}c|{s} {n} a"), towns: list("Köln|50###|NW|München|80###|BY|Bad Oldesloe|23###|SH"),
		phones: list("0151 2#######|+49 30 9######|030/9######|0049 171 #######|0221 - 9## ## ##|+49 (0)40 3######"), dates: "02.01.2006", official: steuer,
	},
	{
		code: "FR", language: "fr", keys: list("français"), first: list("Élodie|François|Zoé|Benoît|Maëlle|Jean-Luc|Hélène|Loïc"),
		last:    list("Lefèvre|Dupont|de La Tour|Bérenger|Moreau|Gauthier|N'Diaye|Lemaître"),
		streets: list("rue de la République|avenue Victor-Hugo|chemin des Vignes|boulevard Saint-Michel|impasse des Lilas|place du Marché"),
		lines:   list("{n} {s}|{n} {s}|{n} bis {s}|{n}, {s}"), towns: list("Lyon|69###|Rhône|Saint-Étienne|42###|Loire|Paris|75###|Île-de-France"),
		phones: list("06 ## ## ## ##|+33 6 ## ## ## ##|01.4#.##.##.##|0612######|+33 (0)4 7# ## ## ##"), dates: "02/01/2006", official: nir,
	},
	{
		code: "NL", language: "nl", keys: list("nederlands"), first: list("Marieke|Joost|Sanne|Daan|Fleur|Bram|Anouk|Thijs"),
		last:    list("de Vries|van den Berg|Jansen|Bakker|van 't Hof|Kuijpers|ter Horst|Dijkstra"),
		streets: list("Dorpsstraat|Keizersgracht|Laan van Meerdervoort|Marktplein|Oude Dijk|Prinses Beatrixlaan"),
		lines:   list("{s} {n}|{s} {n}|{s} {n}c|{s} {n}-II"), towns: list("Utrecht|35## AB|Utrecht|'s-Hertogenbosch|52## CD|Noord-Brabant|Delft|26##XK|Zuid-Holland"),
		phones: list("06-1#######|+31 6 1#######|010-2######|030 2## ## ##|0031612######"), dates: "02-01-2006", official: bsn,
	},
	{
		code: "IT", language: "it", keys: list("italiano"), first: list("Giulia|Matteo|Chiara|Niccolò|Francesca|Alessandro|Noemi|Giosuè"),
		last:    list("Rossi|De Luca|Bianchi|D'Angelo|Esposito|Lo Presti|Cantù|Marchetti"),
		streets: list("Via Garibaldi|Corso Italia|Piazza del Duomo|Viale dei Tigli|Vicolo Stretto|Strada Provinciale"),
		lines:   list("{s}, {n}|{s} {n}|{s}, {n}/B|{s} {n}"), towns: list("Milano|20###|MI|Forlì|47###|FC|Napoli|80###|NA"),
		phones: list("333 #######|+39 333 #######|02 4#######|+39 06 4#######|347-#######"), dates: "02/01/2006", official: codiceFiscale,
	},
	{
		code: "ES", language: "es", keys: list("español"), first: list("Lucía|Íñigo|Martina|Álvaro|Sofía|José María|Begoña|Núria"),
		last:    list("García López|Fernández|Muñoz Peña|Ibáñez|Gutiérrez|Etxeberria|Romero|de la Cruz"),
		streets: list("Calle Mayor|Avenida de la Constitución|Paseo de Gracia|C/ Alcalá|Plaza España|Camino Viejo"),
		lines:   list("{s}, {n}|{s} {n}|{s}, {n}, 3º B|{s} {n}, 2ª izda."), towns: list("Madrid|28###|Madrid|Logroño|26###|La Rioja|Cádiz|11###|Cádiz"),
		phones: list("612 ### ###|+34 612 ### ###|91 5## ## ##|+34 93 4## ####|6########"), dates: "02/01/2006", official: dni,
	},
	{
		code: "PL", language: "pl", keys: list("polski|česky"), first: list("Małgorzata|Łukasz|Agnieszka|Paweł|Żaneta|Grzegorz|Zofia|Stanisław"),
		last:    list("Nowak|Wiśniewska|Wójcik|Kowalczyk|Dąbrowski|Szczęsna|Lewandowski|Żak-Bielecka"),
		streets: list("ul. Marszałkowska|ul. Długa|al. Jana Pawła II|os. Słoneczne|ul. 3 Maja|pl. Wolności"),
		lines:   list("{s} {n}|{s} {n}/12|{s} {n}a|{s} {n} m. 4"), towns: list("Warszawa|00-###|mazowieckie|Łódź|90-###|łódzkie|Gdańsk|80-###|pomorskie"),
		phones: list("512 ### ###|+48 512 ### ###|22 6## ## ##|+48 22 6## ## ##|601-###-###"), dates: "02.01.2006", official: pesel,
	},
	{
		code: "SE", language: "sv", keys: list("svenska|dansk|suomi"), first: list("Åsa|Björn|Linnéa|Göran|Maja|Östen|Elsa|Håkan"),
		last:    list("Lindström|Åkesson|Björk|Nyström|Sjöberg|Öberg|af Klint|Hedlund"),
		streets: list("Storgatan|Kungsgatan|Björkvägen|Södra Torget|Ängsstigen|Sankt Eriksgatan"),
		lines:   list("{s} {n}|{s} {n}|{s} {n} B|{s} {n}, lgh 1102"), towns: list("Stockholm|11# ##|Stockholms län|Örebro|70# ##|Örebro län|Malmö|21###|Skåne"),
		phones: list("070-1## ## ##|+46 70 1## ## ##|08-12# ### ##|0731######|+46 8 12# ### ##"), dates: "2006-01-02", official: personnummer,
	},
	{
		code: "JP", language: "ja", keys: list("日本語"), first: list("太郎|花子|健一|美咲|翔太|さくら|Yuki|Kenta"),
		last:    list("佐藤|鈴木|高橋|田中|渡辺|小林|Yamamoto|Nakajima"),
		streets: list("千代田区神田町|港区赤坂|中央区銀座|豊島区南池袋|梅田|栄"),
		lines:   list("{s}1-2-{n}|{s}2丁目3番{n}号|{s}1-{n}|{s}3-{n}-501"), towns: list("東京都|1##-00##|東京都|大阪市北区|530-00##|大阪府|名古屋市中区|460-00##|愛知県"),
		phones: list("090-1###-####|03-52##-####|+81 90 1### ####|0801#######|06-63##-####"), dates: "2006/01/02", family: true, official: myNumber,
	},
	{
		code: "BR", language: "pt", keys: list("português"), first: list("João|Ana Clara|Antônio|Luíza|Márcio|Conceição|Thiago|Beatriz"),
		last:    list("da Silva|Souza|Gonçalves|dos Santos|Araújo|Magalhães|Ferreira Lima|Assunção"),
		streets: list("Rua das Flores|Avenida Paulista|Travessa do Comércio|Alameda Santos|Rua XV de Novembro|Praça da Sé"),
		lines:   list("{s}, {n}|{s}, {n} - apto 32|{s}, {n}, Bloco B|{s} {n}"), towns: list("São Paulo|01###-0##|SP|Belo Horizonte|30###-0##|MG|Florianópolis|880#####|SC"), after: true,
		phones: list("(11) 9%###-####|+55 11 9%### ####|(31) 3###-####|119%#######|+55 (48) 9%###-####"), dates: "02/01/2006", official: cpf,
	},
	{
		code: "IN", language: "en", keys: list("indonesia"), first: list("Ananya|Rajesh|Lakshmi|Arjun|प्रिया|Sunil|Meenakshi|राहुल"),
		last:    list("Sharma|Iyer|Patel|Krishnamurthy|शर्मा|Reddy|Banerjee|Singh"),
		streets: list("MG Road|Anna Salai|Linking Road|Sector 14 Main Road|Nehru Nagar|Gandhi Marg"),
		lines:   list("{n}, {s}|Flat 12, {s}|H.No. {n}, {s}|{n} {s}"), towns: list("Bengaluru|5600##|Karnataka|Chennai|600 0##|Tamil Nadu|Pune|4110##|Maharashtra"), after: true,
		phones: list("98### #####|+91 98### #####|+91-99########|080 4### ####|97########"), dates: "02-01-2006", official: aadhaar,
	},
}

// pattern fills a pattern: # is any digit, % one from 1 to 9.
func pattern(r *rand.Rand, p string) string {
	b := []byte(p)
	for i := range b {
		switch b[i] {
		case '#':
			b[i] = byte('0' + r.IntN(10))
		case '%':
			b[i] = byte('1' + r.IntN(9))
		}
	}
	return string(b)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance is true once in n times.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// The official numbers, with their check digits. Sources: the issuers' own
// publications, named where the recogniser checks them.

func tfn(r *rand.Rand) string {
	for {
		d := pattern(r, "%########")
		sum := 0
		for i, w := range []int{1, 4, 3, 7, 5, 8, 6, 9, 10} {
			sum += w * int(d[i]-'0')
		}
		if sum%11 == 0 {
			return d[:3] + " " + d[3:6] + " " + d[6:]
		}
	}
}

func ssn(r *rand.Rand) string { return pattern(r, "5##-%#-%###") }

func nino(r *rand.Rand) string {
	return pattern(r, pick(r, list("QQ ## ## ## C|AB ## ## ## A|JX######D")))
}

func steuer(r *rand.Rand) string {
	d := pattern(r, "%#########")
	p := 10
	for i := range 10 {
		s := (int(d[i]-'0') + p) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return d + fmt.Sprint((11-p)%10)
}

func nir(r *rand.Rand) string {
	d := fmt.Sprintf("%d%02d%02d%s", 1+r.IntN(2), r.IntN(100), 1+r.IntN(12), pattern(r, "75%######")[:8])
	n := 0
	for _, c := range d {
		n = (n*10 + int(c-'0')) % 97
	}
	return fmt.Sprintf("%s%02d", d, 97-n)
}

func bsn(r *rand.Rand) string {
	for {
		d := pattern(r, "%########")
		sum := -int(d[8] - '0')
		for i := range 8 {
			sum += (9 - i) * int(d[i]-'0')
		}
		if sum%11 == 0 {
			return d
		}
	}
}

func codiceFiscale(r *rand.Rand) string {
	s := pick(r, list("RSSMRA|BNCGLI|DLCFNC|SPSMTT")) + pattern(r, "##") + pick(r, list("A|C|H|T")) +
		fmt.Sprintf("%02d", 1+r.IntN(28)) + pick(r, list("H501|F205|A562|L219"))
	odd := []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range s {
		v := int(s[i] - 'A')
		if s[i] <= '9' {
			v = int(s[i] - '0')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return s + string(rune('A'+sum%26))
}

func dni(r *rand.Rand) string {
	d := pattern(r, "%#######")
	n := 0
	for _, c := range d {
		n = n*10 + int(c-'0')
	}
	return d + pick(r, list("|-")) + string("TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
}

func pesel(r *rand.Rand) string {
	d := fmt.Sprintf("%02d%02d%02d%s", 50+r.IntN(50), 1+r.IntN(12), 1+r.IntN(28), pattern(r, "####"))
	sum := 0
	for i, w := range []int{1, 3, 7, 9, 1, 3, 7, 9, 1, 3} {
		sum += w * int(d[i]-'0')
	}
	return d + fmt.Sprint((10-sum%10)%10)
}

func personnummer(r *rand.Rand) string {
	d := fmt.Sprintf("%02d%02d%02d%s", 50+r.IntN(50), 1+r.IntN(12), 1+r.IntN(28), pattern(r, "###"))
	d += fmt.Sprint(luhnDigit(d))
	return pick(r, list("19|")) + d[:6] + "-" + d[6:]
}

func myNumber(r *rand.Rand) string {
	d := pattern(r, "%##########")
	sum := 0
	for n := 1; n <= 11; n++ {
		q := n + 1
		if n > 6 {
			q = n - 5
		}
		sum += q * int(d[11-n]-'0')
	}
	c := 11 - sum%11
	if sum%11 <= 1 {
		c = 0
	}
	return d + fmt.Sprint(c)
}

func cpf(r *rand.Rand) string {
	d := pattern(r, "%########")
	for n := 10; n <= 11; n++ {
		sum := 0
		for i := range d {
			sum += (n - i) * int(d[i]-'0')
		}
		d += fmt.Sprint(sum * 10 % 11 % 10)
	}
	return d[:3] + "." + d[3:6] + "." + d[6:9] + "-" + d[9:]
}

func aadhaar(r *rand.Rand) string {
	d := pattern(r, "%##########")
	for c := range 10 {
		if verhoeff(d + fmt.Sprint(c)) {
			d += fmt.Sprint(c)
			break
		}
	}
	return d[:4] + " " + d[4:8] + " " + d[8:]
}

// verhoeff is J. Verhoeff's check (1969), as Aadhaar numbers have it.
func verhoeff(s string) bool {
	mul := func(a, b int) int { // the dihedral group of order ten
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (a+b-5)%5
		case b < 5:
			return 5 + (a-5-b+5)%5
		}
		return (a - b + 5) % 5
	}
	step := []int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	c := 0
	for i := range s {
		v := int(s[len(s)-1-i] - '0')
		for range i % 8 {
			v = step[v]
		}
		c = mul(c, v)
	}
	return c == 0
}

func luhnDigit(d string) int {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return (10 - sum%10) % 10
}
