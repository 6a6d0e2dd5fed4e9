package blind

// locale is a country whose people, addresses and numbers are made. In
// patterns # is any digit.
type locale struct {
	code string
	// firsts and lasts are names as they are written, and after a bar as they
	// stand in an e-mail address.
	firsts, lasts []string
	streets       []string
	houses        []string
	line          string      // the street line: %[1]s street, %[2]s house number
	cities        [][3]string // postcode, city, region
	town          string      // the line of the place: %[1]s postcode, %[2]s city, %[3]s region
	phones        [][2]string // national, international, of the same digits
	government    string      // pattern of a government id
	birth         string      // layout of a date of birth where people read it
	words         headings
}

var locales = []*locale{
	{
		code:    "AU",
		firsts:  []string{"Olivia|olivia", "Jack|jack", "Charlotte|charlotte", "Lachlan|lachlan", "Mia|mia", "Cooper|cooper"},
		lasts:   []string{"Nguyen|nguyen", "O'Brien|obrien", "Whitlam|whitlam", "McKenzie|mckenzie", "Papadopoulos|papadopoulos"},
		streets: []string{"Collins Street", "Flinders Lane", "Pitt St", "Wattle Grove", "Esplanade"}, houses: []string{"1##", "##", "4/2#", "Unit 3/1#"}, line: "%[2]s %[1]s",
		cities: [][3]string{{"3000", "Melbourne", "VIC"}, {"2010", "Surry Hills", "NSW"}, {"6160", "Fremantle", "WA"}}, town: "%[2]s %[3]s %[1]s",
		phones:     [][2]string{{"0412 ### ###", "+61 412 ### ###"}, {"(02) 92## ####", "+61 2 92## ####"}},
		government: "### ### ###", birth: "02/01/2006", words: english,
	}, {
		code:    "US",
		firsts:  []string{"Emily|emily", "Jayden|jayden", "Maria|maria", "Tyrone|tyrone", "Kathryn|kathryn", "José|jose"},
		lasts:   []string{"Johnson|johnson", "Ramirez|ramirez", "Smith-Keller|smith-keller", "Washington|washington", "Kowalczyk|kowalczyk"},
		streets: []string{"Maple Avenue", "N Main St", "County Road 12", "Sunset Blvd", "Oak Hollow Dr"}, houses: []string{"##", "1##", "12##", "8###"}, line: "%[2]s %[1]s",
		cities: [][3]string{{"78701", "Austin", "TX"}, {"10012-33##", "New York", "NY"}, {"972##", "Portland", "OR"}}, town: "%[2]s, %[3]s %[1]s",
		phones:     [][2]string{{"(512) 44#-####", "+1 512 44# ####"}, {"503-22#-####", "+150322#####"}},
		government: "5##-4#-####", birth: "01/02/2006", words: english,
	}, {
		code:    "GB",
		firsts:  []string{"Amelia|amelia", "Oliver|oliver", "Siân|sian", "Mohammed|mohammed", "Isla|isla", "Callum|callum"},
		lasts:   []string{"Davies|davies", "MacDonald|macdonald", "Patel|patel", "Featherstone|featherstone", "Brown|brown"},
		streets: []string{"High Street", "Baker Street", "Station Road", "The Green", "Kings Mews"}, houses: []string{"##", "#A", "Flat 2, 1#", "2##"}, line: "%[2]s %[1]s",
		cities: [][3]string{{"SW1A 2AA", "London", "Greater London"}, {"M1 4BT", "Manchester", "Lancashire"}, {"EH8 9YL", "Edinburgh", "Midlothian"}}, town: "%[2]s %[1]s",
		phones:     [][2]string{{"07412 ######", "+44 7412 ######"}, {"020 7946 0###", "+442079460###"}},
		government: "QQ ## ## ## C", birth: "02/01/2006", words: english,
	}, {
		code:    "DE",
		firsts:  []string{"Jörg|joerg", "Anneliese|anneliese", "Günther|guenther", "Leonie|leonie", "Käthe|kaethe", "Mehmet|mehmet"},
		lasts:   []string{"Müller|mueller", "Weiß|weiss", "von der Heide|vonderheide", "Schröder-Lang|schroeder", "Yılmaz|yilmaz"},
		streets: []string{"Hauptstraße", "Am Alten Markt", "Pfarrer-Kraus-Str.", "Lindenweg", "Unter den Eichen"}, houses: []string{"##", "7#c", "1##", "#-#"}, line: "%[1]s %[2]s",
		cities: [][3]string{{"10115", "Berlin", "Berlin"}, {"803##", "München", "Bayern"}, {"01067", "Dresden", "Sachsen"}}, town: "%[1]s %[2]s",
		phones:     [][2]string{{"030 2#######", "+49 30 2#######"}, {"0151/2#######", "+491512#######"}},
		government: "L01X00T4#", birth: "02.01.2006", words: german,
	}, {
		code:    "FR",
		firsts:  []string{"Chloé|chloe", "Jean-Luc|jean-luc", "Zoë|zoe", "François|francois", "Aïcha|aicha", "Margaux|margaux"},
		lasts:   []string{"Lefèvre|lefevre", "Dubois|dubois", "de la Tour|delatour", "N'Diaye|ndiaye", "Garçon|garcon"},
		streets: []string{"rue de la Paix", "avenue Victor-Hugo", "bd Saint-Michel", "impasse des Lilas", "quai Voltaire"}, houses: []string{"##", "# bis", "1##", "2# ter"}, line: "%[2]s %[1]s",
		cities: [][3]string{{"75002", "Paris", "Île-de-France"}, {"690##", "Lyon", "Rhône"}, {"13001", "Marseille", "Bouches-du-Rhône"}}, town: "%[1]s %[2]s",
		phones:     [][2]string{{"06 12 ## ## ##", "+33 6 12 ## ## ##"}, {"01.42.##.##.##", "+33142######"}},
		government: "2 85 05 78 006 0## ##", birth: "02/01/2006", words: french,
	}, {
		code:    "NL",
		firsts:  []string{"Marieke|marieke", "Sjoerd|sjoerd", "Noël|noel", "Femke|femke", "Jan-Willem|janwillem", "Fatima|fatima"},
		lasts:   []string{"Bos|bos", "van den Berg|vandenberg", "de Wit|dewit", "Kuijpers|kuijpers", "Özdemir|ozdemir"},
		streets: []string{"Dorpsstraat", "Prinsengracht", "Laan van Meerdervoort", "Kerkweg", "Stationsplein"}, houses: []string{"7#c", "##", "1##-II", "#"}, line: "%[1]s %[2]s",
		cities: [][3]string{{"1016 GV", "Amsterdam", "Noord-Holland"}, {"25##AB", "Den Haag", "Zuid-Holland"}, {"9711 LM", "Groningen", "Groningen"}}, town: "%[1]s %[2]s",
		phones:     [][2]string{{"06-12######", "+31 6 12######"}, {"020 5## ####", "+31205######"}},
		government: "1234567##", birth: "02-01-2006", words: dutch,
	}, {
		code:    "IT",
		firsts:  []string{"Giulia|giulia", "Niccolò|niccolo", "Francesca|francesca", "Salvatore|salvatore", "Noemi|noemi", "Andrea|andrea"},
		lasts:   []string{"Rossi|rossi", "D'Angelo|dangelo", "De Luca|deluca", "Esposito|esposito", "Forlì|forli"},
		streets: []string{"Via Garibaldi", "Piazza del Duomo", "Corso Vittorio Emanuele II", "Viale dei Mille", "Vicolo Stretto"}, houses: []string{"##", "1##", "#/B", "##"}, line: "%[1]s, %[2]s",
		cities: [][3]string{{"00184", "Roma", "RM"}, {"201##", "Milano", "MI"}, {"40121", "Bologna", "BO"}}, town: "%[1]s %[2]s (%[3]s)",
		phones:     [][2]string{{"347 #######", "+39 347 #######"}, {"06 6######", "+39066######"}},
		government: "RSSGLI85E4#H501Z", birth: "02/01/2006", words: italian,
	},
}
