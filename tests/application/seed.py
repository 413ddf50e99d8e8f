"""Fills the shop: staff accounts, two stock-keeping partners, products and an order of each."""
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
from oscar.apps.partner.models import Partner  # noqa: E402
from oscar.test.basket import add_product  # noqa: E402
from oscar.apps.basket.models import Basket  # noqa: E402

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
customer, created = User.objects.get_or_create(username="customer", defaults={"email": "customer@shop.localhost", "first_name": "Regular", "last_name": "Customer"})
if created:
    customer.set_password("demo-password")
    customer.save()
if not Partner.objects.exists():
    for number, (code, title) in enumerate([("HF", "Vacuum flask"), ("SH", "Coffee beans")], start=1):
        partner = Partner.objects.create(code=code, name=f"Warehouse {code}")
        product = create_product(upc=f"A-100{number}", title=title, product_class="Goods", partner_name=partner.name, partner_sku=f"{code}-1", price=Decimal("59.00"), num_in_stock=100)
        product.categories.add(Category.objects.get())
        basket = Basket.objects.create(owner=customer)
        basket.strategy = __import__("oscar.apps.partner.strategy", fromlist=["Default"]).Default()
        add_product(basket, product=product)
        create_order(number=f"1000{number}", basket=basket, user=customer)
    create_product(upc="A-1003", title="Umbrella, no longer sold", product_class="Goods").categories.add(Category.objects.get())
print("seeded", Partner.objects.count(), "partners")
