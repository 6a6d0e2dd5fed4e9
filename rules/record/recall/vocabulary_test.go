package recall

import (
	"strings"
	"unicode/utf8"
)

// vocabulary is how one platform, or the shops of one country, name things.
// Written after the platforms' own API documents and schemas, and for the
// countries as their shops' exports are headed; never after the recogniser's
// lexicon, which would measure nothing.
type vocabulary struct {
	name string
	join byte // how two words are joined: '_', '-', 'C' for camel case, ' '
	keys map[concept]string
}

const vocabularyText = `
magento _ id=entity_id first=firstname last=lastname full=customer_name email=email phone=telephone street=street house=house_number postcode=postcode city=city region=region country=country_id birth=dob card=cc_number password=password_hash token=rp_token official=taxvat order=increment_id total=grand_total date=created_at items=items billing=billing_address delivery=shipping_address address=addresses customer=customer
woocommerce _ id=customer_id first=first_name last=last_name full=display_name email=email phone=phone street=address_1 house=house_number postcode=postcode city=city region=state country=country birth=date_of_birth card=card_number password=user_pass token=session_token official=national_id order=order_id total=total date=date_created items=line_items billing=billing delivery=shipping address=address customer=customer
shopify C id=customerId first=firstName last=lastName full=displayName email=email phone=phone street=address1 house=houseNumber postcode=zip city=city region=province country=countryCodeV2 birth=birthDate card=cardNumber password=passwordDigest token=customerAccessToken official=taxId order=orderNumber total=totalPrice date=processedAt items=lineItems billing=billingAddress delivery=shippingAddress address=defaultAddress customer=customer
prestashop _ id=id_customer first=firstname last=lastname full=customer_name email=email phone=phone_mobile street=address1 house=house_number postcode=postcode city=city region=state country=country birth=birthday card=card_number password=passwd token=reset_password_token official=dni order=id_order total=total_paid date=date_add items=order_rows billing=invoice_address delivery=delivery_address address=address customer=customer
shopware C id=customerNumber first=firstName last=lastName full=customerName email=email phone=phoneNumber street=street house=houseNumber postcode=zipcode city=city region=countryState country=countryIso birth=birthday card=cardNumber password=password token=resetPasswordHash official=taxNumber order=orderNumber total=amountTotal date=orderDateTime items=lineItems billing=billingAddress delivery=shippingAddress address=defaultAddress customer=orderCustomer
commercetools C id=customerNumber first=firstName last=lastName full=fullName email=email phone=mobile street=streetName house=streetNumber postcode=postalCode city=city region=region country=country birth=dateOfBirth card=pan password=password token=resetToken official=nationalIdentificationNumber order=orderNumber total=totalPrice date=createdAt items=lineItems billing=billingAddress delivery=shippingAddress address=addresses customer=customer
sapcommerce C id=customerId first=firstName last=lastName full=name email=displayUid phone=cellphone street=line1 house=line2 postcode=postalCode city=town region=regionIso country=countryIso birth=birthDate card=cardNumber password=encodedPassword token=token official=passportNumber order=code total=totalPriceWithTax date=placed items=entries billing=paymentAddress delivery=deliveryAddress address=defaultAddress customer=user
salesforce _ id=customer_no first=first_name last=last_name full=full_name email=email phone=phone_mobile street=address1 house=suite postcode=postal_code city=city region=state_code country=country_code birth=birthday card=number password=password_hash token=auth_token official=tax_id order=order_no total=order_total date=creation_date items=product_items billing=billing_address delivery=shipping_address address=addresses customer=customer_info
websphere C id=memberId first=firstName last=lastName full=recipientName email=email1 phone=phone1 street=addressLine1 house=addressLine2 postcode=zipCode city=city region=state country=country birth=dateOfBirth card=account password=logonPassword token=WCToken official=taxPayerId order=orderId total=grandTotal date=placedDate items=orderItem billing=billingAddress delivery=shippingAddress address=contact customer=buyer
opencart _ id=customer_id first=firstname last=lastname full=customer email=email phone=telephone street=address_1 house=address_2 postcode=postcode city=city region=zone country=iso_code_2 birth=date_of_birth card=cc_number password=password token=token official=tax_id order=order_id total=total date=date_added items=products billing=payment delivery=shipping address=address customer=customer
vendure C id=customerId first=firstName last=lastName full=fullName email=emailAddress phone=phoneNumber street=streetLine1 house=streetLine2 postcode=postalCode city=city region=province country=countryCode birth=dateOfBirth card=cardNumber password=passwordHash token=passwordResetToken official=nationalId order=code total=totalWithTax date=orderPlacedAt items=lines billing=billingAddress delivery=shippingAddress address=addresses customer=customer
saleor C id=externalReference first=firstName last=lastName full=userName email=userEmail phone=phone street=streetAddress1 house=streetAddress2 postcode=postalCode city=city region=countryArea country=countryCode birth=birthDate card=cardNumber password=passwordHash token=accessToken official=vatId order=number total=totalAmount date=created items=lines billing=billingAddress delivery=shippingAddress address=address customer=user
medusa _ id=customer_id first=first_name last=last_name full=full_name email=email phone=phone street=address_1 house=address_2 postcode=postal_code city=city region=province country=country_code birth=birth_date card=card_number password=password_hash token=token official=personal_id order=display_id total=total date=created_at items=items billing=billing_address delivery=shipping_address address=address customer=customer
bigcommerce _ id=customer_id first=first_name last=last_name full=contact_name email=email phone=phone street=street_1 house=street_2 postcode=zip city=city region=state country=country_iso2 birth=date_of_birth card=card_number password=password_hash token=reset_token official=tax_exempt_id order=order_id total=total_inc_tax date=date_created items=products billing=billing_address delivery=shipping_addresses address=address customer=customer
spree _ id=customer_id first=firstname last=lastname full=full_name email=email phone=phone street=address1 house=address2 postcode=zipcode city=city region=state_name country=country_iso birth=birth_date card=cc_number password=encrypted_password token=reset_password_token official=ssn order=number total=item_total date=completed_at items=line_items billing=bill_address delivery=ship_address address=default_address customer=user
abbreviated _ id=cust_no first=f_name last=l_name full=cust_name email=eml phone=tel_no street=addr1 house=hse_no postcode=zip_cd city=cty region=st country=ctry birth=dob card=cc_no password=pwd token=sess_id official=nat_id order=ord_no total=ord_total date=ord_date items=ord_lines billing=bill_to delivery=ship_to address=addr customer=cust
kebab - id=customer-number first=first-name last=last-name full=full-name email=e-mail phone=phone-number street=street-address house=house-number postcode=postal-code city=city region=region country=country-code birth=date-of-birth card=card-number password=password-hash token=session-token official=passport-number order=order-number total=total-amount date=order-date items=line-items billing=billing-address delivery=delivery-address address=home-address customer=customer
deutsch C id=kundennummer first=vorname last=nachname full=kundenname email=eMail phone=telefon street=strasse house=hausnummer postcode=plz city=ort region=bundesland country=land birth=geburtsdatum card=kreditkartennummer password=passwortHash token=sitzungstoken official=steuerId order=bestellnummer total=gesamtbetrag date=bestelldatum items=positionen billing=rechnungsadresse delivery=lieferadresse address=anschrift customer=kunde
français _ id=no_client first=prénom last=nom full=nom_complet email=courriel phone=tél street=rue house=numéro_voie postcode=cp city=ville region=région country=pays birth=date_naissance card=numéro_carte password=mot_de_passe token=jeton_session official=num_sécu order=no_commande total=total_ttc date=date_commande items=lignes billing=adresse_facturation delivery=adresse_livraison address=adresse customer=client
nederlands _ id=klantnummer first=voornaam last=achternaam full=klantnaam email=emailadres phone=telefoonnummer street=straat house=huisnr postcode=postcode city=woonplaats region=provincie country=land birth=geb_datum card=kaartnummer password=wachtwoord token=sessie_token official=bsn order=bestelnr total=totaalbedrag date=besteldatum items=orderregels billing=factuuradres delivery=afleveradres address=adres customer=klant
italiano _ id=codice_cliente first=nome last=cognome full=nominativo email=posta_elettronica phone=cellulare street=indirizzo house=civico postcode=cap city=comune region=provincia country=nazione birth=data_di_nascita card=numero_carta password=password_hash token=token_sessione official=codice_fiscale order=numero_ordine total=totale_ordine date=data_ordine items=righe billing=indirizzo_fatturazione delivery=indirizzo_spedizione address=recapito customer=cliente
español _ id=num_cliente first=nombre last=apellidos full=nombre_completo email=correo phone=teléfono street=calle house=num_calle postcode=cod_postal city=población region=provincia country=país birth=fecha_nacimiento card=num_tarjeta password=contraseña token=token_sesion official=dni order=num_pedido total=importe_total date=fecha_pedido items=líneas billing=dirección_facturación delivery=dirección_envío address=domicilio customer=cliente
polski _ id=nr_klienta first=imię last=nazwisko full=imię_i_nazwisko email=e_mail phone=nr_tel street=ulica house=nr_domu postcode=kod_pocztowy city=miejscowość region=województwo country=kraj birth=data_ur card=nr_karty password=hasło token=token_sesji official=pesel order=nr_zamówienia total=kwota_razem date=data_zamówienia items=pozycje billing=adres_rozliczeniowy delivery=adres_dostawy address=adres customer=klient
česky _ id=číslo_zákazníka first=jméno last=příjmení full=celé_jméno email=e_mail phone=telefon street=ulice house=č_p postcode=psč city=město region=kraj country=země birth=datum_narození card=číslo_karty password=heslo_hash token=token_relace official=rodné_číslo order=číslo_objednávky total=celkem date=datum_objednávky items=položky billing=fakturační_adresa delivery=dodací_adresa address=adresa customer=zákazník
svenska _ id=kundnr first=förnamn last=efternamn full=namn email=e_post phone=mobilnr street=gatuadress house=gatunr postcode=postnr city=ort region=län country=land birth=födelsedatum card=kortnummer password=lösenord token=sessionstoken official=personnummer order=ordernr total=totalbelopp date=orderdatum items=orderrader billing=fakturaadress delivery=leveransadress address=adress customer=kund
dansk _ id=kundenr first=fornavn last=efternavn full=kundenavn email=mail phone=mobil street=vejnavn house=husnr postcode=postnr city=by region=region country=land birth=fødselsdato card=kortnr password=adgangskode token=sessionstoken official=cpr order=ordrenr total=beløb_i_alt date=ordredato items=ordrelinjer billing=faktureringsadresse delivery=leveringsadresse address=adresse customer=kunde
suomi _ id=asiakasnro first=etunimi last=sukunimi full=koko_nimi email=sähköposti phone=puhelin street=katuosoite house=talon_nro postcode=postinro city=paikkakunta region=maakunta country=maa birth=syntymäaika card=kortin_numero password=salasana token=istunto_token official=henkilötunnus order=tilausnro total=yhteensä date=tilauspvm items=tilausrivit billing=laskutusosoite delivery=toimitusosoite address=osoite customer=asiakas
português _ id=cod_cliente first=nome last=sobrenome full=nome_completo email=e-mail phone=celular street=logradouro house=numero_endereco postcode=cep city=cidade region=uf country=pais birth=data_nasc card=numero_cartao password=senha token=token_sessao official=cpf order=num_pedido total=valor_total date=data_pedido items=itens billing=endereco_cobranca delivery=endereco_entrega address=endereco customer=comprador
日本語 _ id=会員番号 first=名 last=姓 full=お名前 email=メールアドレス phone=電話番号 street=番地 house=建物名 postcode=郵便番号 city=市区町村 region=都道府県 country=国 birth=生年月日 card=カード番号 password=パスワード token=セッションID official=マイナンバー order=注文番号 total=合計金額 date=注文日 items=明細 billing=請求先住所 delivery=配送先住所 address=住所 customer=お客様
türkisch _ id=müşteri_no first=ad last=soyad full=ad_soyad email=e_posta phone=cep_tel street=sokak house=kapı_no postcode=posta_kodu city=il region=ilçe country=ülke birth=doğum_tarihi card=kart_no password=şifre token=oturum_token official=tc_kimlik_no order=sipariş_no total=toplam_tutar date=sipariş_tarihi items=ürünler billing=fatura_adresi delivery=teslimat_adresi address=adres customer=müşteri
indonesia _ id=id_pelanggan first=nama_depan last=nama_belakang full=nama_lengkap email=surel phone=no_hp street=jalan house=no_rumah postcode=kode_pos city=kota region=provinsi country=negara birth=tgl_lahir card=no_kartu password=kata_sandi token=token_sesi official=nik order=no_pesanan total=total_bayar date=tgl_pesanan items=rincian billing=alamat_penagihan delivery=alamat_pengiriman address=alamat customer=pelanggan
`

// reservedText are vocabularies that nothing was tuned on: only the published
// seed measures with them, and the lexicon was not looked at with them.
const reservedText = `
sylius C id=customerId first=firstName last=lastName full=fullName email=emailCanonical phone=phoneNumber street=street house=houseNumber postcode=postcode city=city region=provinceName country=countryCode birth=birthday card=cardNumber password=encodedPassword token=emailVerificationToken official=taxId order=number total=itemsTotal date=checkoutCompletedAt items=items billing=billingAddress delivery=shippingAddress address=defaultAddress customer=customer
odoo _ id=partner_ref first=firstname last=lastname full=partner_name email=email_normalized phone=mobile street=street house=street2 postcode=zip city=city region=state_id country=country_id birth=birthdate_date card=acc_number password=password_crypt token=signup_token official=identification_id order=client_order_ref total=amount_total date=date_order items=order_line billing=partner_invoice delivery=partner_shipping address=contact_address customer=partner
nopcommerce C id=CustomerNumber first=FirstName last=LastName full=FullName email=Email phone=PhoneNumber street=Address1 house=Address2 postcode=ZipPostalCode city=City region=StateProvinceName country=CountryName birth=DateOfBirth card=CardNumber password=PasswordSalt token=PasswordRecoveryToken official=NationalNumber order=CustomOrderNumber total=OrderTotal date=CreatedOnUtc items=OrderItems billing=BillingAddress delivery=ShippingAddress address=Addresses customer=Customer
ecwid C id=customerId first=firstName last=lastName full=name email=email phone=phone street=street house=streetNo postcode=postalCode city=city region=stateOrProvinceName country=countryCode birth=birthday card=cardNumber password=passwordHash token=loginToken official=taxId order=vendorOrderNumber total=total date=createDate items=items billing=billingPerson delivery=shippingPerson address=shippingAddresses customer=customer
jtl C id=cKundenNr first=cVorname last=cNachname full=cKundenname email=cMail phone=cTel street=cStrasse house=cHausnummer postcode=cPLZ city=cOrt region=cBundesland country=cLand birth=dGeburtstag card=cKartennummer password=cPasswort token=cSessionId official=cSteuerId order=cBestellNr total=fGesamtsumme date=dErstellt items=oPositionen billing=oRechnungsadresse delivery=oLieferadresse address=oAdresse customer=oKunde
oscommerce _ id=customers_id first=customers_firstname last=customers_lastname full=customers_name email=customers_email_address phone=customers_telephone street=entry_street_address house=entry_suburb postcode=entry_postcode city=entry_city region=entry_state country=entry_country_id birth=customers_dob card=cc_number password=customers_password token=password_reset_key official=entry_tax_id order=orders_id total=order_total date=date_purchased items=orders_products billing=billing delivery=delivery address=address_book customer=customers
cscart _ id=user_id first=firstname last=lastname full=user_name email=email phone=phone street=address house=address_2 postcode=zipcode city=city region=state_descr country=country_descr birth=birthday card=card_number password=password token=ekey official=tax_number order=order_id total=total date=timestamp items=products billing=b delivery=s address=profile customer=user_data
tiendanube _ id=customer_id first=contact_first_name last=contact_last_name full=contact_name email=contact_email phone=contact_phone street=address house=number postcode=zipcode city=locality region=province country=country birth=birth_date card=card_number password=password token=token official=contact_identification order=order_number total=total date=completed_at items=products billing=billing delivery=shipping_address address=default_address customer=customer
idosell _ id=client_id first=client_firstname last=client_lastname full=client_name email=client_email phone=client_phone1 street=client_street house=client_house postcode=client_zipcode city=client_city region=client_province country=client_country birth=client_birth_date card=card_number password=client_password token=client_session official=client_pesel order=order_serial_number total=order_cost date=order_add_date items=products_results billing=client_billing_address delivery=client_delivery_address address=client_address customer=client_result
rōmaji _ id=kaiin_bangou first=mei last=sei full=shimei email=meeru phone=denwa_bangou street=banchi house=tatemono postcode=yuubin_bangou city=shikuchouson region=todoufuken country=kuni birth=seinengappi card=kaado_bangou password=pasuwaado token=session_id official=my_number order=chuumon_bangou total=goukei date=chuumonbi items=meisai billing=seikyuusaki delivery=haisousaki address=juusho customer=kokyaku
`

var (
	vocabularies = parse(vocabularyText)
	reserved     = parse(reservedText)
)

func parse(text string) (all []vocabulary) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		words := strings.Fields(line)
		v := vocabulary{name: words[0], join: words[1][0], keys: map[concept]string{}}
		for _, w := range words[2:] {
			name, key, _ := strings.Cut(w, "=")
			v.keys[concept(name)] = key
		}
		all = append(all, v)
	}
	return all
}

// platforms are the vocabularies that are nobody's language.
const platforms = 17

func vocabularyOf(name string) vocabulary {
	for _, v := range vocabularies {
		if v.name == name {
			return v
		}
	}
	panic("no vocabulary " + name)
}

// flat is the key of a value inside a part, for forms without structure:
// billing_city, billingCity, billing-city.
func (v vocabulary) flat(part, c concept) string {
	key := v.keys[c]
	if part == "" || part == cCustomer || part == cAddress || part == cOrder {
		return key
	}
	head := v.keys[part]
	for _, end := range []string{"_address", "-address", "_addresses", "Address"} {
		head = strings.TrimSuffix(head, end)
	}
	if v.join != 'C' {
		return head + string(v.join) + key
	}
	r, n := utf8.DecodeRuneInString(key)
	return head + strings.ToUpper(string(r)) + key[n:]
}

// labels are the words before values on a page, in a language.
var labels = func() map[string]map[concept]string {
	all := map[string]map[concept]string{}
	for line := range strings.Lines(strings.TrimSpace(`
en|id=Customer number|first=First name|last=Last name|full=Name|email=E-mail|phone=Phone|street=Street|house=House number|postcode=Postcode|city=City|region=State|country=Country|birth=Date of birth|card=Card number|password=Password hash|token=Reset token|official=National ID|order=Order number|total=Total|date=Order date|billing=Billing address|delivery=Delivery address|address=Address|customer=Customer
de|id=Kundennummer|first=Vorname|last=Nachname|full=Name|email=E-Mail-Adresse|phone=Telefonnummer|street=Straße|house=Hausnummer|postcode=PLZ|city=Ort|region=Bundesland|country=Land|birth=Geburtsdatum|card=Kartennummer|password=Passwort|token=Token|official=Steuer-ID|order=Bestellnummer|total=Gesamtsumme|date=Bestelldatum|billing=Rechnungsadresse|delivery=Lieferadresse|address=Anschrift|customer=Kunde
fr|id=N° client|first=Prénom|last=Nom|full=Nom complet|email=Adresse e-mail|phone=Téléphone|street=Rue|house=Numéro de voie|postcode=Code postal|city=Ville|region=Région|country=Pays|birth=Date de naissance|card=Numéro de carte|password=Mot de passe|token=Jeton|official=Numéro de sécurité sociale|order=Numéro de commande|total=Montant total|date=Date de commande|billing=Adresse de facturation|delivery=Adresse de livraison|address=Adresse|customer=Client
nl|id=Klantnummer|first=Voornaam|last=Achternaam|full=Naam|email=E-mailadres|phone=Telefoonnummer|street=Straat|house=Huisnummer|postcode=Postcode|city=Woonplaats|region=Provincie|country=Land|birth=Geboortedatum|card=Kaartnummer|password=Wachtwoord|token=Token|official=BSN|order=Bestelnummer|total=Totaalbedrag|date=Besteldatum|billing=Factuuradres|delivery=Bezorgadres|address=Adres|customer=Klant
it|id=Codice cliente|first=Nome|last=Cognome|full=Nome e cognome|email=Indirizzo e-mail|phone=Telefono|street=Via|house=Numero civico|postcode=CAP|city=Città|region=Provincia|country=Paese|birth=Data di nascita|card=Numero di carta|password=Password|token=Token|official=Codice fiscale|order=Numero ordine|total=Totale|date=Data ordine|billing=Indirizzo di fatturazione|delivery=Indirizzo di spedizione|address=Indirizzo|customer=Cliente
es|id=N.º de cliente|first=Nombre|last=Apellidos|full=Nombre y apellidos|email=Correo electrónico|phone=Teléfono|street=Calle|house=Número|postcode=Código postal|city=Ciudad|region=Provincia|country=País|birth=Fecha de nacimiento|card=Número de tarjeta|password=Contraseña|token=Token|official=DNI|order=Número de pedido|total=Importe total|date=Fecha del pedido|billing=Dirección de facturación|delivery=Dirección de envío|address=Dirección|customer=Cliente
pl|id=Numer klienta|first=Imię|last=Nazwisko|full=Imię i nazwisko|email=Adres e-mail|phone=Telefon|street=Ulica|house=Numer domu|postcode=Kod pocztowy|city=Miejscowość|region=Województwo|country=Kraj|birth=Data urodzenia|card=Numer karty|password=Hasło|token=Token|official=PESEL|order=Numer zamówienia|total=Razem|date=Data zamówienia|billing=Adres rozliczeniowy|delivery=Adres dostawy|address=Adres|customer=Klient
sv|id=Kundnummer|first=Förnamn|last=Efternamn|full=Namn|email=E-postadress|phone=Mobilnummer|street=Gatuadress|house=Husnummer|postcode=Postnummer|city=Ort|region=Län|country=Land|birth=Födelsedatum|card=Kortnummer|password=Lösenord|token=Token|official=Personnummer|order=Ordernummer|total=Totalt|date=Orderdatum|billing=Fakturaadress|delivery=Leveransadress|address=Adress|customer=Kund
ja|id=会員番号|first=名|last=姓|full=お名前|email=メールアドレス|phone=電話番号|street=番地|house=建物|postcode=郵便番号|city=市区町村|region=都道府県|country=国|birth=生年月日|card=カード番号|password=パスワード|token=トークン|official=マイナンバー|order=注文番号|total=合計金額|date=注文日|billing=請求先|delivery=お届け先|address=ご住所|customer=お客様
pt|id=Código do cliente|first=Nome|last=Sobrenome|full=Nome completo|email=E-mail|phone=Celular|street=Logradouro|house=Número|postcode=CEP|city=Cidade|region=Estado|country=País|birth=Data de nascimento|card=Número do cartão|password=Senha|token=Token|official=CPF|order=Número do pedido|total=Total|date=Data do pedido|billing=Endereço de cobrança|delivery=Endereço de entrega|address=Endereço|customer=Cliente
`)) {
		lang, rest, _ := strings.Cut(strings.TrimSpace(line), "|")
		all[lang] = map[concept]string{}
		for _, w := range list(rest) {
			name, label, _ := strings.Cut(w, "=")
			all[lang][concept(name)] = label
		}
	}
	return all
}()
