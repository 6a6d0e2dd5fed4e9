// The basket lives in the browser only; an order is sent to /api/checkout.
(function () {
  "use strict";
  var key = "basket";
  function read() {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch (e) { return {}; }
  }
  function add(sku) {
    var basket = read();
    basket[sku] = (basket[sku] || 0) + 1;
    localStorage.setItem(key, JSON.stringify(basket));
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("button.add");
    if (!button) { return; }
    add(button.dataset.sku);
    button.textContent = "In the basket: " + read()[button.dataset.sku];
  });
})();
