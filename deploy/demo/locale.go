package demo

// locale is how people of one country are called and where they live. A name
// is written "display" or "display|ascii"; the ASCII form goes into e-mail
// addresses, and is made by [ascii] when it is not given.
type locale struct {
	country string
	weight  int // parts of 100 over all locales
	given   []string
	family  []string
	turned  bool // the family name comes first, without a space
	streets []string
	street  string // "N" is the house number, "S" the street
	cities  []city
}

// city is a place with its postcodes: '#' stands for a digit, '@' for a letter.
type city struct{ name, postcode string }

// locales returns every locale; the weights add up to 100.
func locales() []locale {
	return append(append(englishLocales(), europeanLocales()...), worldLocales()...)
}

func englishLocales() []locale {
	auStreets := []string{"Wattle Street", "Banksia Road", "Kurrajong Avenue", "Harbour Parade", "Station Street", "Jacaranda Crescent", "Bluegum Lane", "Ferry Road", "Mount Pleasant Road", "Cassia Court"}
	auCities := []city{{"Sydney", "20##"}, {"Melbourne", "30##"}, {"Brisbane", "40##"}, {"Adelaide", "50##"}, {"Perth", "60##"}, {"Hobart", "70##"}, {"Wagga Wagga", "26##"}, {"Geelong", "32##"}}
	return []locale{
		{
			country: "AU", weight: 20, street: "N S", streets: auStreets, cities: auCities,
			given:  []string{"Olivia", "Jack", "Charlotte", "Noah", "Isla", "William", "Matilda", "Lachlan", "Ruby", "Angus", "Zoe", "Darcy", "Sienna", "Callum", "Tahlia", "Hamish", "Bronte", "Xavier"},
			family: []string{"Walker", "Nguyen", "Mitchell", "O'Brien", "Campbell", "Fraser", "Kelly", "Papadopoulos", "Singh", "McIntyre", "Hughes", "Baker-Lane", "Doyle", "Lombardi", "Carter", "Whitfield", "Tran", "Riley"},
		},
		{
			country: "AU", weight: 2, street: "N S", streets: auStreets, cities: auCities,
			given:  []string{"Ελένη|eleni", "Γιώργος|giorgos", "Μαρία|maria", "Νίκος|nikos", "Σοφία|sofia", "Κώστας|kostas"},
			family: []string{"Παπαδάκης|papadakis", "Νικολάου|nikolaou", "Γεωργίου|georgiou", "Δημητρίου|dimitriou", "Καραγιάννης|karagiannis"},
		},
		{
			country: "AU", weight: 2, street: "N S", streets: auStreets, cities: auCities, turned: true,
			given:  []string{"伟|wei", "芳|fang", "娜|na", "敏|min", "静|jing", "磊|lei", "洋|yang", "艳|yan"},
			family: []string{"王|wang", "李|li", "张|zhang", "刘|liu", "陈|chen", "杨|yang", "黄|huang"},
		},
		{
			country: "US", weight: 14, street: "N S",
			streets: []string{"Maple Street", "Oak Avenue", "Elm Street", "Lakeview Drive", "Cedar Lane", "Sunset Boulevard", "Washington Avenue", "2nd Street", "Hickory Court", "Park Place"},
			cities:  []city{{"Portland", "972##"}, {"Austin", "787##"}, {"Chicago", "606##"}, {"Denver", "802##"}, {"Atlanta", "303##"}, {"Boston", "021##"}, {"Seattle", "981##"}, {"Tucson", "857##"}},
			given:   []string{"Emma", "Liam", "Ava", "Mason", "Sophia", "Ethan", "Mia", "Logan", "Harper", "Jayden", "Evelyn", "Caleb", "Nora", "Isaac", "Hazel", "Wyatt", "Renée", "José"},
			family:  []string{"Johnson", "Williams", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez", "Anderson", "Thompson", "Moore", "Jackson", "Lee", "Hernández", "Robinson", "Young", "Okafor", "Patel", "Kim"},
		},
		{
			country: "GB", weight: 10, street: "N S",
			streets: []string{"High Street", "Church Lane", "Victoria Road", "Mill Lane", "Queensway", "The Green", "Albert Terrace", "Grange Road", "Abbey Close", "St John's Road"},
			cities:  []city{{"Leeds", "LS# #@@"}, {"Bristol", "BS# #@@"}, {"Glasgow", "G## #@@"}, {"Cardiff", "CF## #@@"}, {"Norwich", "NR# #@@"}, {"Sheffield", "S## #@@"}, {"Belfast", "BT# #@@"}},
			given:   []string{"Amelia", "Oliver", "Freya", "George", "Poppy", "Harry", "Florence", "Alfie", "Siân", "Rhys", "Aoife", "Ewan", "Imogen", "Mohammed", "Priya", "Tom"},
			family:  []string{"Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Thomas", "Roberts", "Khan", "Wright", "Robinson", "Ellis", "Ní Bhriain", "Macleod", "Hussain", "Ashworth"},
		},
	}
}

func europeanLocales() []locale {
	return []locale{
		{
			country: "DE", weight: 9, street: "S N",
			streets: []string{"Hauptstraße", "Bahnhofstraße", "Gartenweg", "Lindenallee", "Schillerstraße", "Am Mühlbach", "Goethestraße", "Kirchplatz", "Rosenweg"},
			cities:  []city{{"Berlin", "10###"}, {"München", "80###"}, {"Köln", "50###"}, {"Leipzig", "04###"}, {"Nürnberg", "90###"}, {"Kiel", "24###"}, {"Tübingen", "720##"}},
			given:   []string{"Jürgen", "Sabine", "Günther", "Anke", "Björn", "Käthe", "Lukas", "Mia", "Jörg", "Heike", "Moritz", "Ayşe", "Leonie", "Friedrich"},
			family:  []string{"Müller", "Schröder", "Weiß", "Krämer", "Böhm", "Schäfer", "Yılmaz", "Hoffmann", "Köhler", "Vogel", "Brandt", "von der Heide", "Großmann", "Jäger"},
		},
		{
			country: "FR", weight: 7, street: "N S",
			streets: []string{"rue de la République", "avenue Victor-Hugo", "rue des Écoles", "place du Marché", "chemin des Vignes", "boulevard Gambetta", "rue de l'Église"},
			cities:  []city{{"Lyon", "6900#"}, {"Nantes", "44###"}, {"Toulouse", "31###"}, {"Lille", "59###"}, {"Besançon", "25###"}, {"Nîmes", "30###"}},
			given:   []string{"Chloé", "Lucas", "Zoé", "Hélène", "François", "Aurélie", "Jean-Luc", "Noémie", "Théo", "Inès", "Cédric", "Maëlle"},
			family:  []string{"Lefèvre", "Moreau", "Dubois", "Garnier", "Bénard", "Côté", "d'Arcy", "Roussel", "Fontaine", "Haddad", "Leclerc", "Brûlé"},
		},
		{
			country: "NL", weight: 5, street: "S N",
			streets: []string{"Dorpsstraat", "Kerkstraat", "Molenweg", "Prinsengracht", "Julianalaan", "Beatrixstraat", "Nieuwstraat"},
			cities:  []city{{"Utrecht", "35## @@"}, {"Groningen", "97## @@"}, {"Rotterdam", "30## @@"}, {"Zwolle", "80## @@"}, {"Eindhoven", "56## @@"}},
			given:   []string{"Daan", "Sanne", "Bram", "Fleur", "Joris", "Anouk", "Thijs", "Maud", "Sem", "Noor"},
			family:  []string{"de Vries", "van den Berg", "Jansen", "Bakker", "van Dijk", "Visser", "Smit", "Mulder", "de Boer", "Hoekstra"},
		},
		{
			country: "IT", weight: 5, street: "S N",
			streets: []string{"Via Roma", "Via Garibaldi", "Corso Italia", "Via Dante", "Piazza San Marco", "Via della Libertà"},
			cities:  []city{{"Torino", "101##"}, {"Bologna", "401##"}, {"Napoli", "801##"}, {"Verona", "371##"}, {"Forlì", "471##"}},
			given:   []string{"Giulia", "Matteo", "Chiara", "Niccolò", "Elena", "Davide", "Beatrice", "Lorenzo", "Noemi", "Andrea"},
			family:  []string{"Rossi", "Ferrari", "Esposito", "Ricci", "D'Angelo", "De Luca", "Marchetti", "Cantù", "Greco", "Bianchi"},
		},
		{
			country: "ES", weight: 5, street: "S N",
			streets: []string{"Calle Mayor", "Avenida de la Constitución", "Calle del Sol", "Paseo Marítimo", "Calle Nueva", "Plaza de España"},
			cities:  []city{{"Sevilla", "410##"}, {"Málaga", "290##"}, {"Zaragoza", "500##"}, {"A Coruña", "150##"}, {"Bilbao", "480##"}},
			given:   []string{"Lucía", "Álvaro", "Begoña", "Iñaki", "Nuria", "Sergio", "Rocío", "Andrés", "Marta", "Óscar"},
			family:  []string{"Muñoz", "García López", "Fernández", "Ibáñez", "Núñez", "Castaño", "Ortega", "Peña", "Vázquez", "Romero"},
		},
		{
			country: "PL", weight: 4, street: "S N",
			streets: []string{"ul. Długa", "ul. Kościuszki", "ul. Słoneczna", "al. Jerozolimskie", "ul. Polna", "ul. Świętojańska"},
			cities:  []city{{"Kraków", "30-###"}, {"Łódź", "90-###"}, {"Gdańsk", "80-###"}, {"Wrocław", "50-###"}, {"Poznań", "60-###"}},
			given:   []string{"Łukasz", "Małgorzata", "Wojciech", "Agnieszka", "Zbigniew", "Żaneta", "Michał", "Zofia", "Paweł", "Kasia"},
			family:  []string{"Wójcik", "Kowalczyk", "Zieliński", "Dąbrowska", "Szymański", "Wiśniewska", "Krawczyk", "Piątek", "Żak", "Pawłowski"},
		},
		{
			country: "SE", weight: 4, street: "S N",
			streets: []string{"Storgatan", "Kyrkogatan", "Björkvägen", "Skolgatan", "Ängsvägen", "Strandvägen"},
			cities:  []city{{"Göteborg", "41# ##"}, {"Malmö", "21# ##"}, {"Umeå", "90# ##"}, {"Örebro", "70# ##"}, {"Kiruna", "981 ##"}},
			given:   []string{"Åsa", "Björn", "Märta", "Göran", "Linnéa", "Östen", "Saga", "Håkan", "Elin", "Nils"},
			family:  []string{"Öberg", "Åkesson", "Lindström", "Sjöberg", "Bergström", "Nyqvist", "Hägg", "Ekström", "Lundgren", "Norén"},
		},
	}
}

func worldLocales() []locale {
	return []locale{
		{
			country: "JP", weight: 5, street: "NS", turned: true,
			streets: []string{"丁目 本町", "丁目 桜台", "丁目 中央", "丁目 緑が丘", "丁目 旭町", "丁目 南町"},
			cities:  []city{{"札幌市", "060-00##"}, {"横浜市", "220-00##"}, {"京都市", "600-80##"}, {"福岡市", "810-00##"}, {"仙台市", "980-00##"}},
			given:   []string{"陽子|yoko", "健太|kenta", "美咲|misaki", "大輔|daisuke", "さくら|sakura", "翔|sho", "結衣|yui", "拓也|takuya", "恵子|keiko", "蓮|ren"},
			family:  []string{"佐藤|sato", "鈴木|suzuki", "高橋|takahashi", "田中|tanaka", "渡辺|watanabe", "伊藤|ito", "山本|yamamoto", "中村|nakamura", "小林|kobayashi", "加藤|kato"},
		},
		{
			country: "BR", weight: 4, street: "S, N",
			streets: []string{"Rua das Flores", "Avenida São João", "Rua Sete de Setembro", "Travessa do Comércio", "Avenida Getúlio Vargas", "Rua da Conceição"},
			cities:  []city{{"São Paulo", "01###-###"}, {"Rio de Janeiro", "20###-###"}, {"Belém", "66###-###"}, {"Curitiba", "80###-###"}, {"Goiânia", "74###-###"}},
			given:   []string{"João", "Letícia", "Antônio", "Luísa", "Caio", "Taís", "Vinícius", "Conceição", "Rafael", "Bruna"},
			family:  []string{"Gonçalves", "da Silva", "Araújo", "Simões", "Magalhães", "dos Santos", "Leão", "Carvalho", "Teixeira", "Nóbrega"},
		},
		{
			country: "IN", weight: 4, street: "N, S",
			streets: []string{"M.G. Road", "Lake View Road", "Station Road", "Gandhi Nagar", "Nehru Street", "Temple Road"},
			cities:  []city{{"Bengaluru", "5600##"}, {"Pune", "4110##"}, {"Kolkata", "7000##"}, {"Jaipur", "3020##"}, {"Kochi", "6820##"}},
			given:   []string{"Ananya", "Rahul", "Lakshmi", "Arjun", "Kavya", "Vikram", "Fatima", "Imran", "अनिता|anita", "राजेश|rajesh", "सुनील|sunil", "প্রিয়া|priya"},
			family:  []string{"Sharma", "Iyer", "Reddy", "Banerjee", "Nair", "Khan", "Menon", "Desai", "शर्मा|sharma", "वर्मा|varma", "சுப்ரமணியம்|subramaniam", "Joshi"},
		},
	}
}
