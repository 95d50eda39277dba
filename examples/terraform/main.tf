terraform {
  backend "azurerm" {
    use_oidc             = true
    use_azuread_auth     = true
    storage_account_name = "acmestate"
    container_name       = "terraform"
    key                  = "infra.tfstate"
  }
}

provider "azurerm" {
  features {}
  use_oidc            = true
  storage_use_azuread = true
}
