package blind

func init() {
	locales = append(locales, &locale{
		code:    "ES",
		firsts:  []string{"María del Carmen|mariacarmen", "José Antonio|joseantonio", "Begoña|begona", "Íñigo|inigo", "Lucía|lucia", "Álvaro|alvaro"},
		lasts:   []string{"García López|garcia", "Núñez Pérez|nunez", "Fernández|fernandez", "Ibáñez de la Cruz|ibanez", "Puig|puig"},
		streets: []string{"Calle Mayor", "C/ Alcalá", "Avda. de la Constitución", "Plaza de España", "Paseo de Gracia"}, houses: []string{"##", "1##, 3º B", "#", "2#, bajo"}, line: "%[1]s, %[2]s",
		cities: [][3]string{{"28013", "Madrid", "Madrid"}, {"080##", "Barcelona", "Barcelona"}, {"41004", "Sevilla", "Sevilla"}}, town: "%[1]s %[2]s (%[3]s)",
		phones:     [][2]string{{"612 ### ###", "+34 612 ### ###"}, {"91 5## ## ##", "+34915######"}},
		government: "12345##8Z", birth: "02/01/2006", words: spanish,
	}, &locale{
		code:    "PL",
		firsts:  []string{"Małgorzata|malgorzata", "Łukasz|lukasz", "Wójciech|wojciech", "Zofia|zofia", "Jędrzej|jedrzej", "Świętosława|swietoslawa"},
		lasts:   []string{"Kowalski|kowalski", "Wiśniewska|wisniewska", "Żak|zak", "Dąbrowski-Nowak|dabrowski", "Źdźbło|zdzblo"},
		streets: []string{"ul. Marszałkowska", "al. Jerozolimskie", "Kwiatowa", "os. Złotego Wieku", "pl. Wolności"}, houses: []string{"##", "1#/4#", "#A", "##/#"}, line: "%[1]s %[2]s",
		cities: [][3]string{{"00-001", "Warszawa", "mazowieckie"}, {"31-0##", "Kraków", "małopolskie"}, {"90-406", "Łódź", "łódzkie"}}, town: "%[1]s %[2]s",
		phones:     [][2]string{{"512 ### ###", "+48 512 ### ###"}, {"22 62# ## ##", "+482262#####"}},
		government: "850514##### ", birth: "02.01.2006", words: polish,
	}, &locale{
		code:    "SE",
		firsts:  []string{"Åsa|asa", "Björn|bjorn", "Märta|marta", "Östen|osten", "Linnéa|linnea", "Karl-Johan|karljohan"},
		lasts:   []string{"Öberg|oberg", "Sjöström|sjostrom", "Lindqvist|lindqvist", "af Klint|afklint", "Ärlig|arlig"},
		streets: []string{"Storgatan", "Drottninggatan", "Björkvägen", "Stora Nygatan", "Söder Mälarstrand"}, houses: []string{"##", "#B", "1## lgh 1101", "##"}, line: "%[1]s %[2]s",
		cities: [][3]string{{"111 51", "Stockholm", "Stockholms län"}, {"413 ##", "Göteborg", "Västra Götaland"}, {"753 10", "Uppsala", "Uppsala län"}}, town: "%[1]s %[2]s",
		phones:     [][2]string{{"070-2## ## ##", "+46 70 2## ## ##"}, {"08-52# ### ##", "+46852######"}},
		government: "850514-2##4", birth: "2006-01-02", words: swedish,
	}, &locale{
		code:    "JP",
		firsts:  []string{"太郎|taro", "花子|hanako", "健太|kenta", "さくら|sakura", "美咲|misaki", "翔|sho"},
		lasts:   []string{"山田|yamada", "佐藤|sato", "高橋|takahashi", "小野寺|onodera", "渡邉|watanabe"},
		streets: []string{"千代田区丸の内", "北区梅田", "港区六本木", "中区栄"}, houses: []string{"#-#-#", "2丁目#番#号", "1-#-# コーポ20#", "#-1#"}, line: "%[1]s%[2]s",
		cities: [][3]string{{"100-00##", "東京都", "東京都"}, {"530-0001", "大阪市", "大阪府"}, {"460-0008", "名古屋市", "愛知県"}}, town: "〒%[1]s %[2]s",
		phones:     [][2]string{{"090-3###-####", "+81 90 3### ####"}, {"03-52##-####", "+81352######"}},
		government: "1234 5678 9###", birth: "2006年1月2日", words: japanese,
	}, &locale{
		code:    "BR",
		firsts:  []string{"João|joao", "Conceição|conceicao", "Thiago|thiago", "Luíza|luiza", "Antônio|antonio", "Beatriz|beatriz"},
		lasts:   []string{"da Silva|dasilva", "Gonçalves|goncalves", "Araújo|araujo", "dos Santos Pereira|santos", "Assunção|assuncao"},
		streets: []string{"Rua Augusta", "Av. Paulista", "Travessa do Comércio", "Alameda Santos", "R. das Flores"}, houses: []string{"1##", "12## apto 4#", "##", "s/n"}, line: "%[1]s, %[2]s",
		cities: [][3]string{{"01310-1##", "São Paulo", "SP"}, {"20040-020", "Rio de Janeiro", "RJ"}, {"80010##0", "Curitiba", "PR"}}, town: "%[1]s %[2]s - %[3]s",
		phones:     [][2]string{{"(11) 98###-####", "+55 11 98### ####"}, {"(21) 25##-####", "+552125######"}},
		government: "123.456.7##-09", birth: "02/01/2006", words: portuguese,
	}, &locale{
		code:    "IN",
		firsts:  []string{"Priya|priya", "Arjun|arjun", "प्रिया|priya", "Venkatesh|venkatesh", "Lakshmi|lakshmi", "राहुल|rahul"},
		lasts:   []string{"Sharma|sharma", "Krishnamurthy|krishnamurthy", "शर्मा|sharma", "Iyer|iyer", "Kaur Gill|gill"},
		streets: []string{"MG Road", "Shanti Nagar", "Linking Road", "5th Cross, Indiranagar", "Sector 21, Gandhi Marg"}, houses: []string{"##", "Flat 4#, Rose Apartments", "H.No. 2-#-##", "#/1#"}, line: "%[2]s, %[1]s",
		cities: [][3]string{{"400001", "Mumbai", "Maharashtra"}, {"560 0##", "Bengaluru", "Karnataka"}, {"110021", "New Delhi", "Delhi"}}, town: "%[2]s - %[1]s",
		phones:     [][2]string{{"98### #####", "+91 98### #####"}, {"022 26## ####", "+912226######"}},
		government: "ABCPK####F", birth: "02-01-2006", words: english,
	})
}
