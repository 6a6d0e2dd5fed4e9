package blind

// headings are what a language's shops write over columns and beside values:
// in exports, order forms and mails.
type headings struct {
	customer, first, last, full, email, phone       string
	street, house, postcode, city, country          string
	address, delivery, billing                      string
	order, date, total, birth, card, password, govt string
}

var (
	english = headings{
		"Customer No.", "First Name", "Last Name", "Full Name", "Email Address", "Mobile Phone",
		"Street Address", "House No.", "Postcode", "Town/City", "Country",
		"Address", "Shipping Address", "Billing Address",
		"Order Number", "Order Date", "Grand Total", "Date of Birth", "Card Number", "Password", "National Insurance No",
	}
	german = headings{
		"Kunden-Nr.", "Vorname", "Nachname", "Name, Vorname", "E-Mail-Adresse", "Telefon",
		"Straße", "Hausnr.", "PLZ", "Ort", "Land",
		"Anschrift", "Lieferanschrift", "Rechnungsanschrift",
		"Bestellnummer", "Bestelldatum", "Gesamtbetrag", "Geburtsdatum", "Kreditkartennr.", "Passwort", "Ausweisnummer",
	}
	french = headings{
		"N° client", "Prénom", "Nom", "Nom complet", "Adresse e-mail", "Téléphone portable",
		"Rue", "Numéro", "Code postal", "Ville", "Pays",
		"Adresse", "Adresse de livraison", "Adresse de facturation",
		"N° de commande", "Date de commande", "Montant total", "Date de naissance", "Numéro de carte", "Mot de passe", "N° de sécurité sociale",
	}
	dutch = headings{
		"Klantnummer", "Voornaam", "Achternaam", "Naam", "E-mailadres", "Telefoonnummer",
		"Straat", "Huisnummer", "Postcode", "Plaats", "Land",
		"Adres", "Bezorgadres", "Factuuradres", //nolint:misspell // not English
		"Ordernummer", "Besteldatum", "Totaalbedrag", "Geboortedatum", "Kaartnummer", "Wachtwoord", "BSN",
	}
	italian = headings{
		"Codice cliente", "Nome", "Cognome", "Nome e cognome", "Indirizzo e-mail", "Cellulare",
		"Via", "N. civico", "CAP", "Città", "Paese",
		"Indirizzo", "Indirizzo di spedizione", "Indirizzo di fatturazione",
		"Numero d'ordine", "Data ordine", "Totale ordine", "Data di nascita", "Numero carta", "Password", "Codice fiscale",
	}
	spanish = headings{
		"N.º de cliente", "Nombre", "Apellidos", "Nombre y apellidos", "Correo electrónico", "Teléfono móvil",
		"Calle", "Número", "Código postal", "Población", "País",
		"Dirección", "Dirección de envío", "Dirección de facturación",
		"N.º de pedido", "Fecha del pedido", "Importe total", "Fecha de nacimiento", "Número de tarjeta", "Contraseña", "DNI/NIE",
	}
	polish = headings{
		"Nr klienta", "Imię", "Nazwisko", "Imię i nazwisko", "Adres e-mail", "Telefon kontaktowy", //nolint:misspell // not English
		"Ulica", "Nr domu", "Kod pocztowy", "Miejscowość", "Kraj",
		"Adres", "Adres dostawy", "Adres do faktury", //nolint:misspell // not English
		"Numer zamówienia", "Data zamówienia", "Kwota", "Data urodzenia", "Numer karty", "Hasło", "PESEL",
	}
	swedish = headings{
		"Kundnr", "Förnamn", "Efternamn", "Namn", "E-postadress", "Mobilnummer",
		"Gatuadress", "Husnr", "Postnummer", "Postort", "Land",
		"Adress", "Leveransadress", "Fakturaadress", //nolint:misspell // not English
		"Ordernr", "Orderdatum", "Totalsumma", "Födelsedatum", "Kortnummer", "Lösenord", "Personnummer",
	}
	japanese = headings{
		"会員番号", "名", "姓", "氏名", "メールアドレス", "電話番号",
		"番地", "建物名", "郵便番号", "市区町村", "国",
		"住所", "お届け先住所", "ご請求先住所",
		"注文番号", "注文日", "合計金額", "生年月日", "カード番号", "パスワード", "マイナンバー",
	}
	portuguese = headings{
		"Código do cliente", "Nome", "Sobrenome", "Nome completo", "E-mail", "Celular",
		"Rua", "Número", "CEP", "Cidade", "País",
		"Endereço", "Endereço de entrega", "Endereço de cobrança",
		"Número do pedido", "Data do pedido", "Valor total", "Data de nascimento", "Número do cartão", "Senha", "CPF",
	}
)
