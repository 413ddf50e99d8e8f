"""Fills the shop: staff accounts, customers, two stock-keeping partners, products, stock alerts and orders of each.

The number of an order begins with the code of the warehouse that ships it, as numbers of shops with several do.
"""
import os
from decimal import Decimal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
import django  # noqa: E402

django.setup()
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.sites.models import Site  # noqa: E402
from oscar.test.factories import create_order, create_product  # noqa: E402
from oscar.apps.catalogue.models import Category, ProductClass  # noqa: E402
from oscar.apps.address.models import Country  # noqa: E402
from oscar.apps.partner.models import Partner, StockAlert  # noqa: E402
from oscar.test.basket import add_product  # noqa: E402
from oscar.apps.basket.models import Basket  # noqa: E402
from oscar.apps.order.models import BillingAddress, ShippingAddress  # noqa: E402

User = get_user_model()
Site.objects.update_or_create(pk=1, defaults={"domain": "shop.localhost", "name": "shop"})
Country.objects.get_or_create(iso_3166_1_a2="CN", defaults={"iso_3166_1_a3": "CHN", "name": "China", "is_shipping_country": True})
ProductClass.objects.get_or_create(name="Goods", track_stock=True)
if not Category.objects.exists():
    Category.add_root(name="Goods")
# The application knows one kind of staff: whoever is staff may do everything.
for name in ("admin", "keeper", "picker", "finance", "marketing", "service"):
    user, created = User.objects.get_or_create(username=name, defaults={"email": f"{name}@shop.localhost", "is_staff": True, "is_superuser": True})
    if created:
        user.set_password("demo-password")
        user.save()
customers = []
for name, first, last in [("customer", "Regular", "Customer"), ("patron", "Steady", "Patron")]:
    customer, created = User.objects.get_or_create(username=name, defaults={"email": f"{name}@shop.localhost", "first_name": first, "last_name": last})
    if created:
        customer.set_password("demo-password")
        customer.save()
    customers.append(customer)
for name in ("buyer", "lead", "finance.hf"):
    user, created = User.objects.get_or_create(username=name, defaults={"email": f"{name}@shop.localhost", "is_staff": True, "is_superuser": True})
    if created:
        user.set_password("demo-password")
        user.save()
HOMES = {
    "HF": {"line1": "8 Lake Road", "line4": "Hefei", "postcode": "230001", "phone_number": "+8613812345678", "notes": "Ring at number 8"},
    "SH": {"line1": "3 Harbour Street", "line4": "Shanghai", "postcode": "200001", "phone_number": "+8613998765432", "notes": "Leave it with the porter"},
}


def order(number, warehouse, product, customer):
    """Places an order of one product, shipped and billed to where the customer lives."""
    basket = Basket.objects.create(owner=customer)
    basket.strategy = __import__("oscar.apps.partner.strategy", fromlist=["Default"]).Default()
    add_product(basket, product=product)
    home = {**HOMES[warehouse], "first_name": customer.first_name, "last_name": customer.last_name, "country": Country.objects.get()}
    shipping = ShippingAddress.objects.create(**home)
    billing = BillingAddress.objects.create(**{name: home[name] for name in home if name not in ("phone_number", "notes")})
    create_order(number=number, basket=basket, user=customer, shipping_address=shipping, billing_address=billing)


if not Partner.objects.exists():
    goods = [("HF", "Vacuum flask", "Goods", "59.00"), ("SH", "Coffee beans", "Drinks", "88.00")]
    for number, (code, title, kind, price) in enumerate(goods, start=1):
        partner = Partner.objects.create(code=code, name=f"Warehouse {code}")
        ProductClass.objects.get_or_create(name=kind, track_stock=True)
        product = create_product(upc=f"A-100{number}", title=title, product_class=kind, partner_name=partner.name, partner_sku=f"{code}-1", price=Decimal(price), num_in_stock=100)
        product.categories.add(Category.objects.get())
        order(f"{code}-1000{number}", code, product, customers[number - 1])
        stock = product.stockrecords.get()
        stock.low_stock_threshold = 200
        stock.save()
        StockAlert.objects.get_or_create(stockrecord=stock, defaults={"threshold": 200})
    create_product(upc="A-1003", title="Umbrella, no longer sold", product_class="Goods").categories.add(Category.objects.get())
print("seeded", Partner.objects.count(), "partners")
