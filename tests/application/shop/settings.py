"""Settings of the Oscar shop that the tests put behind the gateway: as Oscar's documentation gives them, on SQLite."""
import os
import pathlib

from oscar.defaults import *  # noqa: F403  Oscar's documented way

BASE = pathlib.Path(os.environ["SHOP_DATA"])
SECRET_KEY = "only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
SITE_ID = 1
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
ROOT_URLCONF = "shop.urls"
STATIC_URL = "/static/"
STATIC_ROOT = pathlib.Path(os.environ.get("SHOP_STATIC", BASE / "static"))
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE / "media"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CSRF_TRUSTED_ORIGINS = ["https://shop.localhost", "https://*.localhost"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# Transactions that begin by writing: one that turns from reading to writing beside another ends as "database is locked".
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": BASE / "shop.sqlite3", "ATOMIC_REQUESTS": True,
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 60},
}}
LOGGING = {
    "version": 1, "disable_existing_loggers": False, "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR"}},
}
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
AUTHENTICATION_BACKENDS = ("oscar.apps.customer.auth_backends.EmailBackend", "django.contrib.auth.backends.ModelBackend")
# The cheapest hasher: the tests sign in often and guard nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {"Pending": ("Being processed", "Cancelled"), "Being processed": ("Complete", "Cancelled"), "Cancelled": (), "Complete": ()}
OSCAR_DEFAULT_CURRENCY = "CNY"

INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.sites", "django.contrib.flatpages",
    "oscar.config.Shop",
    *(f"oscar.apps.{name}.apps.{label}Config" for name, label in [
        ("analytics", "Analytics"), ("checkout", "Checkout"), ("address", "Address"), ("shipping", "Shipping"),
        ("catalogue", "Catalogue"), ("catalogue.reviews", "CatalogueReviews"), ("communication", "Communication"),
        ("partner", "Partner"), ("basket", "Basket"), ("payment", "Payment"), ("offer", "Offer"), ("order", "Order"),
        ("customer", "Customer"), ("search", "Search"), ("voucher", "Voucher"), ("wishlists", "Wishlists"),
        ("dashboard", "Dashboard"), ("dashboard.reports", "ReportsDashboard"), ("dashboard.users", "UsersDashboard"),
        ("dashboard.orders", "OrdersDashboard"), ("dashboard.catalogue", "CatalogueDashboard"),
        ("dashboard.offers", "OffersDashboard"), ("dashboard.partners", "PartnersDashboard"),
        ("dashboard.pages", "PagesDashboard"), ("dashboard.ranges", "RangesDashboard"),
        ("dashboard.reviews", "ReviewsDashboard"), ("dashboard.vouchers", "VouchersDashboard"),
        ("dashboard.communications", "CommunicationsDashboard"), ("dashboard.shipping", "ShippingDashboard"),
    ]),
    "widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2",
]

MIDDLEWARE = [
    "shop.recorder.Recorder",
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware", "oscar.apps.basket.middleware.BasketMiddleware",
]

TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.debug", "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages",
        "oscar.apps.search.context_processors.search_form", "oscar.apps.checkout.context_processors.checkout",
        "oscar.apps.communication.notifications.context_processors.notifications", "oscar.core.context_processors.metadata",
    ]},
}]
